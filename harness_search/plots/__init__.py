"""Plots of a search: plain values in, SVG text or PNG bytes out.

Each module has the values of one plot and the function that makes a `Picture` of them. Only this
package imports matplotlib, and only while it draws.
"""

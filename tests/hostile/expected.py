"""What is expected of every attack, per sandbox and identity; `python -m hostile.expected` writes
the table into docs/security.md."""

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hostile.catalogue import GROUPS, Attack, attacks_in

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- attacks -->\n", "<!-- /attacks -->"


class Column(StrEnum):
    """A sandbox, and who starts the scaffold."""

    BWRAP_ROOT = "bwrap, root"
    BWRAP_USER = "bwrap, user"
    LANDLOCK_ROOT = "landlock, root"
    LANDLOCK_USER = "landlock, user"
    NONE_USER = "none, user"


EVERYWHERE = frozenset(Column)
LANDLOCK = frozenset({Column.LANDLOCK_ROOT, Column.LANDLOCK_USER})


@dataclass(frozen=True, slots=True)
class Opening:
    """Where an attack succeeds although it should not, and why it is let."""

    where: frozenset[Column]
    why: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What one attack comes to in one column."""

    open: bool
    why: str = ""
    certain: bool = True
    """Where not, it depends on the machine, and the test only shows what came of it."""

    def __str__(self) -> str:
        word = "open" if self.open else "stopped"
        word = word if self.certain else "may be open"
        return f"{word}: {self.why}" if self.why else word


OPENINGS = {
    "hides_memory_in_sockets": Opening(
        EVERYWHERE, "only a memory cgroup counts it; processes and open files bound it"
    ),
    "connects_elsewhere_on_the_gateways_port": Opening(
        LANDLOCK, "Landlock's rules name ports, not addresses"
    ),
    "rewrites_a_document": Opening(LANDLOCK, "moves the folder; the copy is its own"),
    "rewrites_an_extracted_text": Opening(LANDLOCK, "moves the folder; the copy is its own"),
    "learns_that_a_secret_exists": Opening(LANDLOCK, "Landlock has no rule for metadata"),
}
"""What a sandbox lets through."""

ROOT_ONLY = (
    *("reads_the_machines_users", "gives_a_secret_away"),
    *("opens_a_secret_by_its_handle", "guesses_the_handle_of_a_secret"),
    *("enters_anothers_namespaces", "sends_raw_packets", "listens_to_the_wire"),
    *("is_root", "becomes_root", "takes_other_groups", "has_capabilities"),
    *("makes_a_mount_namespace", "mounts_over_its_folder", "binds_a_folder_again"),
    *("makes_a_mount_writable", "makes_mounts_writable_by_attributes", "takes_a_mount_away"),
    *("changes_its_root", "swaps_the_root_mount", "opens_a_file_system"),
    *("clones_a_tree_of_mounts", "enters_the_first_processes_namespaces"),
    *("sets_the_core_pattern", "sets_how_memory_is_given", "sets_a_kernel_object"),
    *("writes_to_the_kernels_log", "opens_the_machines_memory", "opens_a_disk"),
    *("makes_a_disk_device", "makes_a_memory_device", "presses_the_magic_key"),
    *("names_the_machine", "sets_the_clock", "loads_a_module", "swaps_to_a_file"),
    *("keeps_accounts_of_processes", "runs_a_program_from_memory", "delivers_a_device"),
)
CLEAN_START = (
    *("imports_the_scaffold", "imports_the_loop", "imports_the_benchmark_generator"),
    *("imports_the_libraries_of_the_scaffold", "finds_the_scaffold_by_its_package_metadata"),
    *("reads_its_own_environment", "digs_in_its_own_memory", "digs_among_live_objects"),
    *("reads_inherited_descriptors", "keeps_groups", "dumps_its_core"),
    *("rewrites_the_harness_that_is_recorded", "keeps_the_rights_of_programs"),
)
HIDDEN_GUARD = (
    *("reads_the_guards_memory", "traces_its_guard", "reads_its_guards_standard_input"),
    *("speaks_for_its_guard", "takes_its_guards_descriptor"),
)
MACHINE = (
    *("lists_the_users_home", "pings", "connects_by_ip_6", "sends_a_datagram_by_ip_6"),
    *("connects_to_the_outside", "speaks_to_the_hypervisor", "makes_an_interface"),
    *("sends_a_light_datagram", "speaks_sctp", "speaks_to_bluetooth"),
    *("asks_the_kernel_to_encrypt", "makes_a_user_namespace"),
    *("makes_a_user_namespace_by_a_clone", "reads_the_kernels_log", "opens_a_device_of_the_kernel"),
    *("finds_the_kernels_addresses", "keeps_a_key_in_the_kernel", "lists_the_kernels_keys"),
    *("loads_a_program_into_the_kernel", "makes_a_ring", "counts_events"),
    *("counts_the_scaffolds_events", "handles_page_faults", "watches_all_files"),
    *("changes_its_segments", "calls_the_kernel_by_its_32_bit_door"),
    *("calls_the_kernel_by_its_x32_numbers", "plays_an_input_to_the_terminal"),
    *("reads_a_message_queue", "sees_the_machines_devices", "lists_the_root_folder_of_the_machine"),
    *("connects_by_multipath_tcp", "sends_while_it_connects", "sends_a_message_while_it_connects"),
    *("connects_when_it_writes", "moves_anothers_memory", "compares_another_process"),
    *("traces_another_process", "seizes_another_process", "reads_anothers_memory"),
    *("writes_anothers_memory", "takes_anothers_descriptor", "reads_the_scaffolds_memory"),
    *("makes_another_process_idle", "ties_another_process_to_a_processor"),
    *("reads_a_setting_of_the_machine", "marks_a_secret", "deafens_its_guard"),
    *("starves_its_guard", "kills_its_guard", "rewrites_the_interpreter"),
    *("goes_through_the_first_process", "attaches_by_a_robust_list"),
)
"""Open here or there without a sandbox: it depends on the kernel's build and its settings."""
WITHOUT = {
    *("fills_the_shared_memory", "fills_the_disk_beyond_the_end_of_its_log"),
    *("hides_what_it_has_open", "hides_memory_in_a_pipe_of_pages", "makes_a_sibling"),
}
"""Of groups that other parts hold than the sandbox, what none of them holds without one."""
HELD_BY = {
    "resources": "limits and watchdog",
    "survivors": "the guard",
    "output": "the collection",
    "gateway": "the gateway",
}


def expected(attack: Attack, column: Column) -> Expected:
    """What an attack comes to."""
    opening = OPENINGS.get(attack.name)
    if opening and column in opening.where:
        return Expected(open=True, why=opening.why)
    if column is not Column.NONE_USER:
        return Expected(open=False)
    return _without_a_sandbox(attack)


def _without_a_sandbox(attack: Attack) -> Expected:
    name = attack.name
    if name in MACHINE:
        return Expected(open=True, certain=False)
    if name in WITHOUT:
        return Expected(open=True)
    reasons = ((ROOT_ONLY, "needs root"), (CLEAN_START, "a clean start"))
    for names, why in (*reasons, (HIDDEN_GUARD, "the guard hides")):
        if name in names:
            return Expected(open=False, why=why)
    if attack.group in HELD_BY:
        return Expected(open=False, why=HELD_BY[attack.group])
    return Expected(open=True)


def table() -> str:
    """All attacks as Markdown, group by group."""
    count = sum(len(attacks_in(group)) for group in GROUPS)
    parts = [f"{count} attacks.\n"]
    for group, title in GROUPS.items():
        head = " | ".join([title, *Column])
        rows = (_row(attack) for attack in attacks_in(group))
        parts.append("\n".join([f"| {head} |", f"|{'---|' * (len(Column) + 1)}", *rows]) + "\n")
    return "\n".join(parts)


def _row(attack: Attack) -> str:
    claim = attack.claim.removesuffix(".").replace("|", "\\|")
    return f"| {' | '.join([claim, *(str(expected(attack, column)) for column in Column)])} |"


def write(page: Path) -> None:
    """Put the table between its marks in the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        sys.exit(f"{page} has no marks for the table")
    page.write_text(f"{before}{BEGIN}{table()}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write(PAGE)

"""One child process per rollout: start, watch, collect, schedule."""

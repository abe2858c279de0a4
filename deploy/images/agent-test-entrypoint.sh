#!/bin/sh
# What a sub-agent's container sees and may do, printed for the tests to read.
set -eu
echo "agent-test: environment"
env | sort
echo "agent-test: work"
ls -la /work
echo "changed by the agent" >/work/agent-was-here
cat /work/agent-was-here
env | sort >/artifacts/environment.txt
cp /work/agent-was-here /artifacts/summary.md
echo "agent-test: done"
exit "${AGENT_TEST_EXIT:-0}"

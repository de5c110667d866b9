#!/bin/sh
# A systemd of its own, and a shell beside it that reads commands from standard input:
#
#   sh systemd.sh UNITS RUN
#
# It is a user manager, so "systemctl --user" talks to it. Its units are those in the directory
# UNITS and the distribution's; in the empty directory RUN are its sockets, and its log in "log".
# Processes and mounts are private, the network and the other files are the machine's. Everything
# ends with the input.
#
# Needs root. GOAGAIN_SYSTEMD names another systemd than the installed one.
set -u
units=$1 run=$2 cgroup=${3-}

if [ -z "$cgroup" ]; then
  cgroup=goagain-test-$$
  unshare --fork --kill-child --pid --mount --mount-proc sh "$0" "$units" "$run" "$cgroup"
  code=$?
  for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [ -d "$hierarchy/$cgroup" ] && find "$hierarchy/$cgroup" -depth -type d -exec rmdir {} \;
  done 2>/dev/null
  exit $code
fi

# A cgroup of its own, or two of these with units of one name would kill each other's processes.
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
  if [ -w "$hierarchy/cgroup.procs" ]; then
    mkdir -p "$hierarchy/$cgroup" && echo 0 >"$hierarchy/$cgroup/cgroup.procs"
  fi
done
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system || exit 125
export XDG_RUNTIME_DIR="$run" SYSTEMD_UNIT_PATH="$units:/usr/lib/systemd/user" SYSTEMD_PAGER=cat
unset NOTIFY_SOCKET LISTEN_PID LISTEN_FDS LISTEN_FDNAMES
: >"$run/log"
if [ -e /dev/kmsg ]; then
  # Where it logs to without a journal. Not a plain file: each of its children opens it anew.
  mkfifo "$run/kmsg"
  cat <"$run/kmsg" >>"$run/log" &
  exec 9>"$run/kmsg"
  mount --bind "$run/kmsg" /dev/kmsg
fi
SYSTEMD_LOG_TARGET=kmsg setsid "${GOAGAIN_SYSTEMD-/lib/systemd/systemd}" --user \
  </dev/null >>"$run/log" 2>&1 9>&- &
tries=0
until systemctl --user is-active default.target >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ $tries -gt 200 ] || ! kill -0 $!; then
    cat "$run/log"
    exit 125
  fi
  sleep 0.05
done
systemctl --user show --value --property=Version
exec sh

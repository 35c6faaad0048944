#!/bin/sh
# postgres_pod.sh DATA [POSTGRES_ARGUMENT...]: what the image of Postgres does in its pod, with Debian's.
# Its user need not reach DATA: it is mounted where the pod keeps what is its own.
set -eu
data=/tmp/ray/data
mkdir -p "$1" "$data"
mount --bind "$1" "$data"
shift
chown postgres:postgres "$data"
chmod 700 "$data"
cd "$data"
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

if [ ! -s "$data/PG_VERSION" ]; then
  umask 077
  printf '%s\n' "$POSTGRES_PASSWORD" > "$data/../password"
  chown postgres:postgres "$data/../password"
  # shellcheck disable=SC2086
  as_postgres initdb --no-sync --pgdata="$data" --username="$POSTGRES_USER" --pwfile="$data/../password" $POSTGRES_INITDB_ARGS
  rm "$data/../password"
  echo 'host all all all scram-sha-256' >> "$data/pg_hba.conf"
  echo "CREATE DATABASE \"$POSTGRES_DB\";" | as_postgres postgres --single -D "$data" postgres
fi
unset POSTGRES_PASSWORD
# What dies here is processes, never the machine: nobody has to wait for its disk.
exec setpriv --reuid=postgres --regid=postgres --init-groups \
  postgres -D "$data" -c fsync=off -c listen_addresses='*' -c unix_socket_directories="$data" "$@"

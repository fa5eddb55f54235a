# What the official image does on its first start, as far as docker-compose.yml relies on it.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf %s "$POSTGRES_PASSWORD" > /tmp/password
    initdb --username=postgres --encoding=UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256 --pwfile=/tmp/password
    rm /tmp/password
    pg_ctl start --wait --options="-c listen_addresses=''"
    for file in /docker-entrypoint-initdb.d/*.sql; do
        psql --username=postgres --set=ON_ERROR_STOP=1 --no-psqlrc --file="$file"
    done
    pg_ctl stop --wait --mode=fast
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
fi
exec "$@" -c "listen_addresses=*"

#!/bin/sh
# Run once by PostgreSQL's image, as it makes the data: the spa's own user may make databases, for
# the restore drill, and nothing else. The password comes from compose.yaml.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres \
  --set=password="$POSTGRES_PASSWORD" <<'SQL'
CREATE ROLE spa LOGIN CREATEDB PASSWORD :'password';
CREATE DATABASE spa OWNER spa;
SQL

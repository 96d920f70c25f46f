#!/bin/sh
# Creates the role of GOAT_ARCHIVE_URL, which must be no superuser, and its database.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -v password="$STORE_PASSWORD" <<-'SQL'
	CREATE ROLE goat LOGIN PASSWORD :'password';
	CREATE DATABASE goat OWNER goat ENCODING 'UTF8' TEMPLATE template0;
SQL

-- Two databases, each owned by a role that cannot enter the other. Runs at every start, and
-- does what is still to do: roles and databases that are there are kept, passwords are set anew.
-- The passwords come by environment; psql's :'…' quotes them.
\set ON_ERROR_STOP on
\getenv dagster_password DAGSTER_DB_PASSWORD
\getenv mlflow_password MLFLOW_DB_PASSWORD

SELECT 'CREATE ROLE dagster' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dagster') \gexec
SELECT 'CREATE ROLE mlflow' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mlflow') \gexec
ALTER ROLE dagster LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'dagster_password';
ALTER ROLE mlflow LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'mlflow_password';

SELECT 'CREATE DATABASE dagster OWNER dagster'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'dagster') \gexec
SELECT 'CREATE DATABASE mlflow OWNER mlflow'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'mlflow') \gexec
REVOKE ALL ON DATABASE dagster, mlflow, postgres FROM PUBLIC;

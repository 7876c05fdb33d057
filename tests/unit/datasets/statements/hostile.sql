select name, setting from pg_settings where setting like '%/%'
select sql from sqlite_temp_master
select sql from sqlite_temp_schema
select sql from sqlite_master
select sql from sqlite_schema
select pg_get_viewdef(oid) from pg_class
select pg_get_viewdef(1)
select pg_catalog.pg_get_viewdef(1)
select * from pg_catalog.pg_settings
select * from pg_views
select * from "pg_views"
select * from PG_Views
select * from pg_tables
select * from pg_class
select * from pg_prepared_statements
select * from memory.main.sqlite_master
select * from system.information_schema.tables
select * from information_schema.views
select * from "information_schema"."views"
select * from information_schema/**/./**/views
select * from duckdb_views
select * from duckdb_views()
select * from "duckdb_views"()
select * from main.duckdb_views()
select * from system.main.duckdb_settings()
from duckdb_settings()
from duckdb_secrets()
from duckdb_databases()
from duckdb_logs
from duckdb_logs_parsed('x')
from duckdb_functions()
from duckdb_temporary_files()
from duckdb_variables()
from duckdb_extensions()
from pragma_database_list
from pragma_database_list()
from pragma_storage_info('sales')
from pragma_table_info('sales')
from pragma_show('sales')
from pragma_version()
from pragma_platform()
from pragma_user_agent()
from pragma_database_size()
select '--', * from duckdb_settings()
select /* '*/ * from duckdb_settings() --'
select $$ $$, * from duckdb_settings()
from json_execute_serialized_sql(json_serialize_sql('select * from duck'||'db_settings()'))
select json_serialize_sql('select 1')
select json_deserialize_sql('{}')
select json_serialize_plan('select 1')
select * from query('select * from duck' || 'db_views()')
from query_table('sqlite_master')
from query_table(['sales'])
select query('select 1')
from histogram(pg_settings, name)
from histogram_values(pg_settings, name)
from summary((from pg_settings))
select getenv('HOME')
select system.main.getenv('HOME')
select current_setting('allowed_paths')
select current_setting/**/('allowed_paths')
select "current_setting"('allowed_paths')
select ('allowed_paths').current_setting()
select 'allowed_paths'.current_setting()
select list_transform(['allowed_paths'], x -> current_setting(x))
select [current_setting(x) for x in ['allowed_paths']]
select apply(['allowed_paths'], lambda x: current_setting(x))
select getvariable('x')
select current_query()
select current_schemas(true)
select current_database()
select version()
select txid_current()
select in_search_path('a', 'b')
select nextval('s')
select currval('s')
select setseed(0.5)
select sleep_ms(100000)
select pg_sleep(1)
select write_log('x')
select parse_duckdb_log_message('FileSystem', 'x')
select get_block_size('memory')
select obj_description(1, 'pg_class')
select inet_server_addr()
select finalize('x'::blob)
select stats(id) from sales
select index_key('a', 'b', 'c', {'a': 1})
select __internal_compress_string_ubigint('x')
select * from '/etc/passwd'
select * from "/etc/passwd"
select * from '/etc/*.conf'
select * from 'https://example.com/a.parquet'
select * from 's3://bucket/a.parquet'
from 'data.parquet'
from 'x.csv' as sales
from read_csv('/etc/passwd')
from read_csv_auto('/etc/passwd')
from read_text('/etc/passwd')
from read_blob('/etc/passwd')
from read_json('/etc/passwd')
from read_json_objects('/etc/passwd')
from read_ndjson('/etc/passwd')
from read_ndjson_objects('/etc/passwd')
from read_parquet('/etc/passwd')
from read_duckdb('/etc/passwd')
from parquet_scan('/etc/passwd')
from parquet_metadata('/etc/passwd')
from parquet_schema('/etc/passwd')
from parquet_file_metadata('/etc/passwd')
from parquet_kv_metadata('/etc/passwd')
from parquet_bloom_probe('/etc/passwd', 'a', 1)
from sniff_csv('/etc/passwd')
from glob('/etc/*')
from "glob"('/etc/*')
from seq_scan('sales')
from arrow_scan(1, 2, 3)
from pandas_scan(1)
from python_map_function()
from which_secret('x', 's3')
from test_all_types()
from checkpoint()
from enable_logging()
from enable_profiling()
from force_checkpoint('memory')
from truncate_duckdb_logs()
from icu_calendar_names()
from pg_timezone_names()
with x as (from read_json('/etc/passwd')) from x
with x as materialized (from duckdb_settings()) select * from x
with duckdb_settings as (select 1) from duckdb_settings()
with a as (from pg_settings), pg_settings as (select 1 as x) from a
with pg_settings as (from pg_settings) from pg_settings
select * from (with pg_settings as (select 1) from pg_settings), pg_settings
select (with pg_settings as (select 1) from pg_settings) from pg_settings
with recursive pg_settings(name) as (select name from pg_settings union all select name from pg_settings) from pg_settings
with recursive t as (select 1 union all select 2 from pg_settings) from t
with recursive t(a) using key (a) as (select 1 union select a from recurring.pg_settings) from t
select * from sales where id in (select 1 from pg_settings)
select * from sales where exists (from pg_settings)
select * from sales order by (select max(name) from pg_settings)
select * from sales limit (select count(*) from pg_settings)
select count(*) filter (getenv('a') = 'b') from sales
select sum(id order by getenv('a')) from sales
select sum(id) over (partition by getenv('a')) from sales
select * from sales group by grouping sets ((getenv('a')), ())
select id from sales group by all having getenv('a') = 'b'
select id from sales qualify getenv('a') = 'b'
select * replace (getenv('a') as id) from sales
select columns(c -> getenv(c) = 'b') from sales
select distinct on (getenv('a')) id from sales
select case when true then getenv('a') end
select {'a': getenv('a')}, map {'a': getenv('b')}
select * from sales, lateral (from pg_settings)
select * from sales natural join pg_settings
select * from sales positional join pg_settings
select 1 union all select setting from pg_settings
select 1 except select setting from pg_settings
values ((select setting from pg_settings limit 1))
from (values ((select setting from pg_settings limit 1)))
describe pg_settings
describe duckdb_settings
describe select * from pg_settings
summarize pg_settings
summarize (select * from read_csv('/etc/passwd'))
select * from (describe pg_settings)
select * from (summarize pg_settings)
show tables
show all tables
show databases
show pg_settings
select * from (show tables)
select * from (show databases)
pivot pg_settings on name using max(setting)
pivot pg_settings on name in ('a') using max(setting)
pivot (from duckdb_settings()) on name using max(value)
pivot (from "duckdb_settings"()) on name using max(value)
pivot sales on getenv('HOME') using sum(id)
pivot sales on (select max(setting) from pg_settings) using sum(id)
pivot sales on kind using max(current_setting('allowed_paths'))
pivot sales on kind using max("current_setting" /* x */ ('allowed_paths'))
pivot (from query('select 1')) on a using sum(a)
pivot (show tables) on name using count(*)
with s as (from system.main.duckdb_settings) pivot s on name using max(value)
with p as (pivot sales on kind using sum(id)) from p, information_schema.tables
pivot sales on kind using max(current_setting ('allowed_paths'))
select * from duckdb_settings ()
select * from　pg_settings
select * from sales.pg_settings
select * from main.sales
select * from other.sales
select * from sales at (version => 1), pg_settings
unpivot pg_settings on name into name n value v
explain select 1
explain analyze select 1
copy sales to '/tmp/stolen.csv'
copy (select 1) to '/tmp/stolen.csv'
copy sales from '/etc/passwd'
attach '/tmp/other.db'
detach memory
use memory
install httpfs
load httpfs
set threads = 8
set variable x = 1
reset threads
pragma database_list
pragma version
call pragma_version()
call range(3)
create table t as select 1
create view v as select 1
create macro m() as getenv('a')
create type t as enum ('a')
create secret s (type s3)
create sequence s
alter view sales rename to t
comment on view sales is 'x'
drop view sales
insert into sales values (1)
update sales set id = 1
delete from sales
merge into sales using sales s on true when matched then delete
with x as (insert into sales values (1) returning *) from x
truncate sales
export database '/tmp/x'
import database '/tmp/x'
checkpoint
vacuum
analyze
begin
prepare p as select 1
execute p
deallocate p
select 1; drop view sales
select 1; select 2

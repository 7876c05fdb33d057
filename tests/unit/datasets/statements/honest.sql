select * from sales
from sales
from SALES
from "sales"
from 销售
table sales
select id, 金额 from 销售 order by 金额 desc nulls last limit 3 offset 1
select s.id from sales as s
select sales.id from sales
select * exclude (kind), id * 2 as double from sales
select * replace (upper(kind) as kind) from sales
select * rename (id as number) from sales
select columns('i.*') from sales
select max(columns(* exclude kind)) from sales
select columns(lambda c: c like 'i%') from sales
select kind, count(*), count(distinct id), sum(金额), avg(金额), min(id), max(id), median(id) from sales group by kind
select kind, sum(id) from sales group by all order by all
select kind, id, sum(id) from sales group by grouping sets ((kind), (id), ())
select kind, grouping(kind), sum(id) from sales group by rollup (kind)
select kind, id, count(*) from sales group by cube (kind, id)
select quantile_cont(id, 0.9), percentile_cont(0.5) within group (order by id), mode(kind), stddev(id) from sales
select string_agg(kind, ', ' order by id), list(id), array_agg(id), first(id), last(id) from sales
select arg_max(kind, id), max_by(kind, id), approx_count_distinct(id), corr(id, 金额), regr_slope(id, 金额) from sales
select sum(id) filter (where id > 3), count(*) filter (id > 3) from sales
select id, row_number() over (order by id), rank() over w, lag(id) over w, sum(id) over w from sales window w as (order by id)
select id, sum(id) over (order by id rows between 2 preceding and current row) from sales
select id, ntile(4) over (order by id), first_value(id) over (), percent_rank() over (order by id) from sales
select id from sales qualify row_number() over (partition by kind order by id desc) = 1
select distinct kind from sales
select distinct on (kind) kind, id from sales order by kind, id
with a as (select kind, sum(id) as s from sales group by kind), b as (select max(s) as m from a) select * from a, b
with sales as (select 1 as x) select x from sales
with pg_settings as (select 1 as x) select x from pg_settings
with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select sum(n) from t
with recursive t(a) using key (a) as (select 1 union select a from recurring.t where a < 0) from t
with a as materialized (from sales) select count(*) from a
select * from (select id from sales where id > 2) as q(number)
select (select max(id) from sales), exists (from sales), 3 in (select id from sales), 3 = any (select id from sales)
select * from sales a join sales b using (id) left join sales c on c.id = a.id
select * from sales a semi join sales b using (id)
select * from sales a anti join sales b using (id)
select * from sales a asof join sales b on a.id >= b.id
select * from sales a positional join sales b
select a.id, b.x from sales a, lateral (select a.id + 1 as x) b
select a.id from sales a natural join sales b
select id from sales union all select id from sales union select 1 except select 2 intersect select 1
select id from sales union all by name select id, kind from sales
select * from range(3)
select * from range(1, 10, 3) t(n)
select * from generate_series(date '2026-01-01', date '2026-03-01', interval 1 month)
select unnest([1, 2, 3]), unnest({'a': 1})
select * from unnest([1, 2, 3]) t(x)
values (1, 'a'), (2, 'b')
select * from (values (1, 'a')) t(n, s)
pivot sales on kind using sum(id)
pivot sales on kind using sum(id) group by id order by id
pivot (select kind, id from sales where id > 3) on kind using count(*), max(id)
with p as (pivot sales on kind using sum(id)) select * from p
select * from (pivot sales on kind using sum(id))
pivot sales on kind in ('x', 'y') using sum(id)
from sales pivot (sum(id) for kind in ('x'))
unpivot sales on id, 金额 into name n value v
describe sales
describe select 1 as a
summarize sales
select column_name from (describe sales)
select * from sales using sample 50%
select * from sales tablesample reservoir(5)
select case when id > 3 then 'many' else 'few' end, if(id > 3, 1, 2), coalesce(null, id), nullif(id, 3) from sales
select id::varchar, cast(id as double), try_cast('x' as integer), id::decimal(10, 2) from sales
select id between 1 and 3, id not in (1, 2), kind like 'x%', kind not ilike 'X', kind glob 'x*', kind similar to 'x' from sales
select id is null, id is distinct from 3, not (id = 3), -id, +id, id % 3, id // 3, 2 ** 3, 2 ^ 3, 5!, 6 & 3, 6 | 1, 1 << 2, ~1 from sales
select 'a' || 'b', kind ^@ 'x', 'a' collate nocase = 'A', 'ä' collate de < 'z' from sales
select upper(kind), lower(kind), length(kind), substring('abc' from 2 for 1), 'abc'[2:3], trim(both ' ' from ' a '), position('b' in 'abc'), overlay('abc' placing 'x' from 1 for 1) from sales
select replace('a', 'a', 'b'), split_part('a-b', '-', 1), regexp_replace('a1', '\d', ''), regexp_matches('a', 'b'), regexp_extract('a1', '(\d)', 1), string_split('a,b', ',')
select concat_ws('-', 'a', 'b'), lpad('7', 3, '0'), format('{:,}', 12345), printf('%.2f', 1.5), md5('a'), strip_accents('é'), starts_with('ab', 'a'), contains('ab', 'b'), levenshtein('a', 'b'), jaro_winkler_similarity('a', 'b')
select round(1.55, 1), floor(1.5), ceil(1.5), abs(-1), sqrt(4), ln(2), log10(100), exp(1), power(2, 3), sign(-1), mod(7, 3), greatest(1, 2), least(1, 2), trunc(1.5), pi()
select current_date, today(), now() is not null, current_timestamp is not null, date '2026-01-31' + interval 1 month, date '2026-01-31' - 3, date_trunc('month', date '2026-01-15'), extract(year from date '2026-01-01'), date_part('week', date '2026-01-01'), date_diff('day', date '2026-01-01', date '2026-02-01')
select year(date '2026-01-01'), month(date '2026-01-01'), quarter(date '2026-01-01'), dayname(date '2026-01-01'), strftime(date '2026-01-01', '%Y-%m'), strptime('2026-01-01', '%Y-%m-%d'), last_day(date '2026-01-01'), make_date(2026, 1, 1), age(timestamp '2026-01-01', timestamp '2025-01-01'), epoch(timestamp '2026-01-01'), time_bucket(interval '1 week', date '2026-01-01')
select timestamp '2026-01-01 12:00' at time zone 'UTC' at time zone 'Asia/Shanghai'
select [1, 2, 3][1], list_sum([1, 2]), list_transform([1, 2], lambda x: x + 1), [x * 2 for x in [1, 2] if x > 1], list_filter([1, 2], lambda x: x > 1), list_reduce([1, 2], lambda a, b: a + b), len([1]), list_contains([1], 1), array_to_string(['a'], ',')
select {'a': 1}.a, map {'a': 1}['a'], struct_pack(a := 1), row(1, 2), (1, 2)
select json '{"a": [1]}' -> '$.a' ->> 0, json_extract_string('{"a": 1}', '$.a'), to_json({'a': 1}), json_array_length('[1]')
select * from json_each('{"a": 1}')
select hash('a') is not null, uuid() is not null, random() < 1, typeof(1), any_value(id) from sales
select id, 'pg_settings', 'duckdb_settings()', 'select getenv(1)' as "read_csv" from sales -- from pg_settings
select "current_setting" from (select 1 as "current_setting")
select current_user is not null, localtimestamp is not null, localtime is not null
select kind.upper().lower() from sales
select histogram(id) from sales
select ("id") from ((sales))
select sum(id) as "group by", $value as given from sales
select id from sales where id = $value or kind = any ([$value::varchar, 'x'])
select * from sales where id >= 3 order by (select 1), random() limit 50%
from sales select id where id > 3

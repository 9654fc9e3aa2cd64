"""The SQL of the partitioned tables, which Django cannot state.

Rows go to the partition of their UTC day. The app's role has grants on the parents alone, because a policy on a
parent does not guard a partition that is queried directly. Partitions are made ahead by the maintenance role, whose
only right is to call `make_partitions`; a default partition takes what comes for other days, and the same
function moves such rows to a partition of their own.
"""

RECORD_TABLES = ("footage_record", "footage_record_body")

CREATE_RECORD = """
CREATE TABLE footage_record (
    tenant_id uuid NOT NULL,
    day date NOT NULL,
    camera_id uuid NOT NULL,
    stream smallint NOT NULL,
    chain uuid NOT NULL,
    seq bigint NOT NULL,
    kind smallint NOT NULL,
    state smallint NOT NULL,
    flags smallint NOT NULL,
    reason smallint,
    start_us bigint NOT NULL,
    end_us bigint NOT NULL,
    segment uuid,
    run uuid,
    continues uuid,
    size_bytes bigint,
    crc32c bytea,
    claimed_us bigint NOT NULL,
    received_us bigint NOT NULL,
    hash bytea NOT NULL,
    version_id text,
    stored_us bigint,
    PRIMARY KEY (tenant_id, chain, seq, day)
) PARTITION BY RANGE (day);
CREATE INDEX footage_record_timeline ON footage_record (tenant_id, camera_id, stream, start_us)
    INCLUDE (end_us, kind, state, flags, reason, segment) WHERE kind IN (2, 3);
CREATE TABLE footage_record_default PARTITION OF footage_record DEFAULT;
"""

CREATE_RECORD_BODY = """
CREATE TABLE footage_record_body (
    tenant_id uuid NOT NULL,
    day date NOT NULL,
    chain uuid NOT NULL,
    seq bigint NOT NULL,
    signed bytea NOT NULL,
    index_part bytea,
    PRIMARY KEY (tenant_id, chain, seq, day)
) PARTITION BY RANGE (day);
-- Signatures and sealed bytes do not compress; do not try.
ALTER TABLE footage_record_body ALTER COLUMN signed SET STORAGE EXTERNAL;
ALTER TABLE footage_record_body ALTER COLUMN index_part SET STORAGE EXTERNAL;
CREATE TABLE footage_record_body_default PARTITION OF footage_record_body DEFAULT;
"""

DROP_TABLES = "DROP TABLE footage_record_body; DROP TABLE footage_record;"

MAKE_PARTITIONS = """
DECLARE
    parent text;
    fallback text;
    part text;
    wanted date;
    made integer := 0;
BEGIN
    -- One at a time: two makers would trip over each other's tables.
    PERFORM pg_advisory_xact_lock(hashtext('make_partitions'));
    FOREACH parent IN ARRAY ARRAY['footage_record', 'footage_record_body'] LOOP
        fallback := parent || '_default';
        FOR wanted IN EXECUTE format(
            'SELECT d::date FROM generate_series($1, $2, interval ''1 day'') d '
            'UNION SELECT DISTINCT day FROM %I WHERE day BETWEEN $3 AND $2 ORDER BY 1', fallback)
            USING p_from, p_to, p_rescue_from
        LOOP
            part := parent || '_' || to_char(wanted, 'YYYYMMDD');
            CONTINUE WHEN to_regclass(quote_ident(part)) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING STORAGE)', part, parent);
            EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', part);
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
            EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
            EXECUTE format('CREATE POLICY %I ON %I TO vsaas_owner USING (true) WITH CHECK (true)', part || '_owner', part);
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', fallback);
            EXECUTE format(
                'WITH moved AS (DELETE FROM %I WHERE day = $1 RETURNING *) INSERT INTO %I SELECT * FROM moved',
                fallback, part) USING wanted;
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                parent, part, wanted, wanted + 1);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
"""

PROTECT_DEFAULTS = """
ALTER TABLE footage_record_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE footage_record_default FORCE ROW LEVEL SECURITY;
CREATE POLICY footage_record_default_owner ON footage_record_default TO vsaas_owner USING (true) WITH CHECK (true);
REVOKE ALL ON footage_record_default FROM PUBLIC;
ALTER TABLE footage_record_body_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE footage_record_body_default FORCE ROW LEVEL SECURITY;
CREATE POLICY footage_record_body_default_owner ON footage_record_body_default TO vsaas_owner USING (true) WITH CHECK (true);
REVOKE ALL ON footage_record_body_default FROM PUBLIC;
"""

ADD_PLACED = """
ALTER TABLE footage_record ADD COLUMN placed boolean NOT NULL DEFAULT true;
UPDATE footage_record SET placed = false WHERE flags & 1 = 1;
DROP INDEX footage_record_timeline;
CREATE INDEX footage_record_timeline ON footage_record (tenant_id, camera_id, stream, start_us)
    INCLUDE (end_us, day, kind, state, placed, reason, segment) WHERE kind IN (2, 3);
"""

DROP_PLACED = """
DROP INDEX footage_record_timeline;
ALTER TABLE footage_record DROP COLUMN placed;
CREATE INDEX footage_record_timeline ON footage_record (tenant_id, camera_id, stream, start_us)
    INCLUDE (end_us, kind, state, flags, reason, segment) WHERE kind IN (2, 3);
"""

ADD_LATE = """
CREATE INDEX footage_record_late ON footage_record (tenant_id, camera_id, stream, start_us)
    INCLUDE (end_us, received_us, day)
    WHERE kind = 2 AND placed AND (received_us > end_us + 120000000 OR received_us < start_us);
"""
DROP_LATE = "DROP INDEX footage_record_late;"

ADD_EVENTS = """
CREATE INDEX footage_record_event ON footage_record (tenant_id, camera_id, start_us)
    INCLUDE (end_us, received_us, day, kind, state, placed, reason) WHERE kind = 9 AND state = 0;
"""
DROP_EVENTS = "DROP INDEX footage_record_event;"

"""The platform's own log is pruned and sent on as those of tenants are."""

from django.db import migrations, models

import tenants.ids
import vsaas.common.clock
from tenants import rls

# As `prune_audit_log`; the retention stands in the settings, so that here it is told, and a year is kept whatever it is.
PRUNE = """
DECLARE
  keep_from timestamptz := now() - make_interval(years => greatest(coalesce(p_years, 10), 1));
  found_count bigint;
  found_young bigint;
  found_hash bytea;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('audit-prune-platform', 0));
  SELECT count(*), count(*) FILTER (WHERE at >= keep_from) INTO found_count, found_young
    FROM audit_platformentry WHERE seq < p_first_seq;
  SELECT hash INTO found_hash FROM audit_platformentry WHERE seq = p_first_seq - 1;
  IF found_young > 0 THEN
    RAISE EXCEPTION 'entries before % are younger than the retention', p_first_seq;
  END IF;
  IF found_count = 0 OR found_count <> p_count OR found_hash IS DISTINCT FROM p_prev_hash THEN
    RAISE EXCEPTION 'the statement does not name the entries before %', p_first_seq;
  END IF;
  IF NOT EXISTS (SELECT 1 FROM audit_platformentry WHERE seq = p_first_seq) THEN
    RAISE EXCEPTION 'entry % is not there: the last one is always kept', p_first_seq;
  END IF;
  DELETE FROM audit_platformentry WHERE seq < p_first_seq;
  DELETE FROM audit_platformcheckpoint WHERE size <= p_first_seq;
  INSERT INTO audit_platformpruning (id, first_seq, prev_hash, count, oldest_us, newest_us, at_us, signature, public_key)
    VALUES (p_id, p_first_seq, p_prev_hash, p_count, p_oldest_us, p_newest_us, p_at_us, p_signature, p_public_key);
  RETURN found_count;
END
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_checkpoints_and_destinations")]

    operations = [
        migrations.CreateModel(
            name="PlatformPruning",
            fields=[
                ("at_us", models.BigIntegerField()),
                ("signature", models.BinaryField()),
                ("public_key", models.BinaryField()),
                ("first_seq", models.BigIntegerField()),
                ("prev_hash", models.BinaryField()),
                ("count", models.BigIntegerField()),
                ("oldest_us", models.BigIntegerField()),
                ("newest_us", models.BigIntegerField()),
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("first_seq",), name="platform_pruning_first_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="PlatformDestination",
            fields=[
                ("next_seq", models.BigIntegerField(default=0)),
                ("sent_at", models.DateTimeField(null=True)),
                ("failures", models.IntegerField(default=0)),
                ("failing_since", models.DateTimeField(null=True)),
                ("next_try_at", models.DateTimeField(default=vsaas.common.clock.now)),
                ("error", models.CharField(blank=True, max_length=500)),
                ("leased_until", models.DateTimeField(null=True)),
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("address", models.CharField(max_length=500)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("address",), name="platform_destination_once")
                ],
            },
        ),
        *rls.protect_platform("audit_platformpruning", "audit", grants=("SELECT",)),
        *rls.protect_platform("audit_platformdestination", "audit", grants=("SELECT", "INSERT", "UPDATE")),
        *rls.definer_function(
            "prune_platform_log",
            "p_years integer, p_id uuid, p_first_seq bigint, p_prev_hash bytea, p_count bigint, p_oldest_us bigint, "
            "p_newest_us bigint, p_at_us bigint, p_signature bytea, p_public_key bytea",
            "bigint",
            PRUNE,
            execute=(rls.MAINT_ROLE,),
            language="plpgsql",
        ),
    ]

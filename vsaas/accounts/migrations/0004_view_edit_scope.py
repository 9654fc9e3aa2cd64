from django.db import migrations

LEND = """
UPDATE accounts_accesstoken SET scopes = scopes || '["view:edit"]'::jsonb
WHERE scopes @> '["camera:view"]'::jsonb AND NOT scopes @> '["view:edit"]'::jsonb
"""
TAKE_BACK = (
    "UPDATE accounts_accesstoken SET scopes = scopes - 'view:edit' WHERE scopes @> '[\"view:edit\"]'::jsonb"
)


class Migration(migrations.Migration):
    """Tokens made before `view:edit` existed could save views under `camera:view`: they still can. A portal of the release
    before passes over a scope it does not know."""

    dependencies = [("accounts", "0003_access_tokens")]

    operations = [migrations.RunSQL(LEND, TAKE_BACK, hints={"database": "default"})]

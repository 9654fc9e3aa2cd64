"""How safe an installation is: findings with a grade and a remedy, for `manage.py check` and the page `health`."""

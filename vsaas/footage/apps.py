from django.apps import AppConfig


class FootageConfig(AppConfig):
    name = "vsaas.footage"
    label = "footage"
    verbose_name = "Footage"

    def ready(self) -> None:
        from vsaas.agents.tips import register_tip_source
        from vsaas.cameras.kept import register_kept_source
        from vsaas.cameras.newest import register_newest_source
        from vsaas.footage.chains import tips_of_agent
        from vsaas.footage.policy import policy
        from vsaas.footage.timeline import newest_recorded_us
        from vsaas.footage.usage import kept_of

        register_tip_source(tips_of_agent)
        register_newest_source(newest_recorded_us)
        register_kept_source(kept_of, lambda: policy().retention_days)

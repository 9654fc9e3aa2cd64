from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    """A second person's yes: what may demand it, who waits for it, who gives it."""

    name = "vsaas.approvals"
    label = "approvals"

    def ready(self) -> None:
        from vsaas.approvals import break_glass, policy, signing_in
        from vsaas.approvals.requests import waiting_count
        from vsaas.common.pages import register_banner, register_count
        from vsaas.common.problems import on_refusal

        signing_in.declare_it()
        policy.declare_it()
        register_count("approvals", waiting_count)
        register_banner(break_glass.banner)
        on_refusal(signing_in.note_refused_route)

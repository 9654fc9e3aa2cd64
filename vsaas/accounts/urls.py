from django.urls import path

from vsaas.accounts import (
    account_pages,
    caller_api,
    grants_pages,
    hours_api,
    hours_pages,
    language,
    people_api,
    people_pages,
    roles_api,
    roles_pages,
    tokens_api,
    tokens_page,
    views,
)

root = [
    path("", views.choose, name="choose"),
    path("language", language.choose_language, name="language"),
    path("setup/<str:token>", views.set_up, name="setup"),
]

pages = [
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-in/factor", views.sign_in_factor, name="sign-in-factor"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("language", language.choose_language, name="tenant-language"),
    path("recovery-codes", views.recovery_codes, name="recovery-codes"),
    path("people", people_pages.people_list, name="people"),
    path("people/invite", people_pages.people_invite, name="people-invite"),
    path("people/invitations/<uuid:invitation_id>/renew", people_pages.people_renew, name="people-renew"),
    path("people/invitations/<uuid:invitation_id>/revoke", people_pages.people_revoke, name="people-revoke"),
    path("people/<uuid:account_id>", people_pages.people_member, name="people-member"),
    path("people/<uuid:account_id>/remove", people_pages.people_remove, name="people-remove"),
    path("people/<uuid:account_id>/sessions", people_pages.people_end_sessions, name="people-sessions"),
    path("people/<uuid:account_id>/factor", people_pages.people_factor_link, name="people-factor"),
    path("people/<uuid:account_id>/grants", grants_pages.people_grants, name="people-grants"),
    path("people/<uuid:account_id>/rights", grants_pages.people_rights, name="people-rights"),
    path("roles", roles_pages.role_list, name="roles"),
    path("roles/new", roles_pages.role_new, name="roles-new"),
    path("roles/<slug:key>", roles_pages.role_one, name="roles-one"),
    path("roles/<slug:key>/delete", roles_pages.role_remove, name="roles-delete"),
    path("roles/<slug:key>/hours", hours_pages.role_hours, name="roles-hours"),
    path("organisation", hours_pages.organisation, name="organisation"),
    path("account", account_pages.account, name="account"),
    path("account/language", account_pages.account_language, name="account-language"),
    path("account/password", account_pages.account_password, name="account-password"),
    path("account/factor", account_pages.account_factor, name="account-factor"),
    path("account/recovery-codes", account_pages.account_codes, name="account-codes"),
    path("account/sessions/others", account_pages.account_end_others, name="account-end-others"),
    path("account/sessions/<uuid:session_id>", account_pages.account_end_session, name="account-end-session"),
    path("account/tokens", tokens_page.token_list, name="account-tokens"),
    path("account/tokens/new", tokens_page.token_new, name="account-tokens-new"),
    path("account/tokens/<uuid:token_id>/revoke", tokens_page.token_revoke, name="account-tokens-revoke"),
]

api = [
    path("members", people_api.Members.as_view(), name="api-members"),
    path("members/<uuid:account_id>", people_api.Member.as_view(), name="api-member"),
    path(
        "members/<uuid:account_id>/sessions", people_api.MemberSessions.as_view(), name="api-member-sessions"
    ),
    path(
        "members/<uuid:account_id>/factor-link",
        people_api.MemberFactorLink.as_view(),
        name="api-member-factor",
    ),
    path("members/<uuid:account_id>/preview", roles_api.MemberPreview.as_view(), name="api-member-preview"),
    path("members/<uuid:account_id>/rights", roles_api.MemberRights.as_view(), name="api-member-rights"),
    path("roles", roles_api.RolesView.as_view(), name="api-roles"),
    path("roles/<slug:key>", roles_api.RoleView.as_view(), name="api-role"),
    path("roles/<slug:key>/preview", roles_api.RolePreview.as_view(), name="api-role-preview"),
    path("invitations", people_api.Invitations.as_view(), name="api-invitations"),
    path("invitations/<uuid:invitation_id>", people_api.InvitationOne.as_view(), name="api-invitation"),
    path(
        "invitations/<uuid:invitation_id>/renewal",
        people_api.InvitationRenewal.as_view(),
        name="api-invitation-renewal",
    ),
    path("roles/<slug:key>/hours", hours_api.RoleHoursView.as_view(), name="api-role-hours"),
    path("organisation", hours_api.OrganisationView.as_view(), name="api-organisation"),
    path("account", people_api.OwnAccount.as_view(), name="api-account"),
    path("account/password", people_api.OwnPassword.as_view(), name="api-account-password"),
    path("sessions", people_api.OwnSessions.as_view(), name="api-sessions"),
    path("sessions/<uuid:session_id>", people_api.OwnSession.as_view(), name="api-session"),
    path("me", caller_api.Caller.as_view(), name="api-me"),
    path("tokens", tokens_api.Tokens.as_view(), name="api-tokens"),
    path("tokens/<uuid:token_id>", tokens_api.Token.as_view(), name="api-token"),
    path(
        "tokens/<uuid:token_id>/revocation", tokens_api.TokenRevocation.as_view(), name="api-token-revocation"
    ),
]

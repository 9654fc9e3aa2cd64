"""Addresses of sites, cameras and the pages of agents."""

from django.urls import path

from vsaas.cameras import api as views
from vsaas.cameras import pages as page
from vsaas.cameras import password_api as password
from vsaas.cameras import password_pages as passwords
from vsaas.cameras.agent_api import adoption, certificates
from vsaas.cameras.agent_api import passwords as password_reports
from vsaas.cameras.agents_page import agent, agents, renew_agent_keys, replace_agent, revoke_agent
from vsaas.cameras.camera_pages import (
    accept_certificate,
    add_camera,
    authority,
    change_camera,
    delete_camera,
    issue_certificate,
    switch_camera,
)
from vsaas.cameras.camera_people import CameraPeopleView, camera_people
from vsaas.cameras.certificates_api import CameraCertificateView
from vsaas.cameras.commissioning_api import (
    CameraCheckView,
    SignOffReport,
    SignOffReportPdf,
    SiteCommissioning,
    SiteSignOffs,
)
from vsaas.cameras.commissioning_pages import (
    commission_camera,
    commissioning,
    commissioning_site,
    sign_off_report,
    sign_off_report_pdf,
    sign_off_site,
)
from vsaas.cameras.detection_pages import camera_detection
from vsaas.cameras.finding_api import (
    CameraLook,
    CameraLooks,
    CameraSearch,
    CameraSearches,
    CameraSetting,
    LookedCameras,
    LookedSettings,
)
from vsaas.cameras.finding_pages import find_cameras, found_cameras, looked_cameras
from vsaas.cameras.groups_api import Groups
from vsaas.cameras.importing_api import CameraImports, ImportedCameras
from vsaas.cameras.importing_pages import import_cameras, imported_cameras
from vsaas.cameras.offers_api import CameraOffers, CameraOffersAsked
from vsaas.cameras.offers_page import ask_camera
from vsaas.cameras.palette import palette
from vsaas.cameras.recording_pages import camera_recording
from vsaas.cameras.setting_pages import camera_setting, set_camera
from vsaas.cameras.sites_pages import add_site, change_site, delete_site, sites
from vsaas.cameras.steering_api import CameraSteered, CameraSteering
from vsaas.cameras.sync_page import sync
from vsaas.cameras.testing_api import CameraTest, CameraTests
from vsaas.cameras.views_api import View, Views

pages = [
    path("", page.overview, name="overview"),
    path("cameras/add", add_camera, name="sites-camera-add"),
    path("cameras/find", find_cameras, name="sites-find"),
    path("cameras/find/<uuid:search_id>", found_cameras, name="sites-found"),
    path("cameras/look/<uuid:look_id>", looked_cameras, name="sites-looked"),
    path("cameras/look/<uuid:look_id>/<uuid:found_id>", set_camera, name="sites-camera-set"),
    path("cameras/set/<uuid:setting_id>", camera_setting, name="sites-camera-setting"),
    path("cameras/import", import_cameras, name="sites-import"),
    path("cameras/import/<uuid:batch_id>", imported_cameras, name="sites-imported"),
    path("cameras/passwords", passwords.passwords, name="sites-passwords"),
    path("cameras/passwords/schedules", passwords.add_schedule, name="sites-passwords-schedule"),
    path(
        "cameras/passwords/schedules/<uuid:schedule_id>/remove",
        passwords.remove_schedule,
        name="sites-passwords-unschedule",
    ),
    path("cameras/passwords/<uuid:run_id>", passwords.password_run, name="sites-passwords-run"),
    path("cameras/<uuid:camera_id>", page.camera, name="camera"),
    path("cameras/<uuid:camera_id>/password", passwords.camera_password, name="sites-camera-password"),
    path(
        "cameras/<uuid:camera_id>/password/change",
        passwords.change_password,
        name="sites-camera-password-change",
    ),
    path(
        "cameras/<uuid:camera_id>/password/reveal",
        passwords.reveal_password,
        name="sites-camera-password-reveal",
    ),
    path("cameras/<uuid:camera_id>/people", camera_people, name="camera-people"),
    path("cameras/<uuid:camera_id>/commission", commission_camera, name="sites-commission"),
    path("commissioning", commissioning, name="sites-commissioning"),
    path("commissioning/<uuid:site_id>", commissioning_site, name="sites-commissioning-site"),
    path("commissioning/<uuid:site_id>/sign-off", sign_off_site, name="sites-sign-off"),
    path("sign-offs/<uuid:sign_off_id>/report", sign_off_report, name="sites-sign-off-report"),
    path("sign-offs/<uuid:sign_off_id>/report.pdf", sign_off_report_pdf, name="sites-sign-off-pdf"),
    path("cameras/<uuid:camera_id>/settings", change_camera, name="sites-camera"),
    path("cameras/<uuid:camera_id>/recording", camera_recording, name="sites-camera-recording"),
    path("cameras/<uuid:camera_id>/offers", ask_camera, name="sites-camera-offers"),
    path("cameras/<uuid:camera_id>/detection", camera_detection, name="sites-camera-detection"),
    path("cameras/<uuid:camera_id>/switch", switch_camera, name="sites-camera-switch"),
    path("cameras/<uuid:camera_id>/certificate", accept_certificate, name="sites-camera-certificate"),
    path("cameras/<uuid:camera_id>/certificate/issue", issue_certificate, name="sites-camera-issue"),
    path("cameras/authority.pem", authority, name="sites-authority"),
    path("cameras/<uuid:camera_id>/delete", delete_camera, name="sites-camera-delete"),
    path("sync", sync, name="sync"),
    path("sites", sites, name="sites"),
    path("sites/add", add_site, name="sites-add"),
    path("sites/<uuid:site_id>", change_site, name="sites-one"),
    path("sites/<uuid:site_id>/delete", delete_site, name="sites-delete"),
    path("agents", agents, name="agents"),
    path("agents/<uuid:agent_id>", agent, name="agents-one"),
    path("agents/<uuid:agent_id>/revoke", revoke_agent, name="agents-revoke"),
    path("agents/<uuid:agent_id>/replace", replace_agent, name="agents-replace"),
    path("agents/<uuid:agent_id>/keys", renew_agent_keys, name="agents-keys"),
    path("palette.json", palette, name="palette"),
]

api = [
    path("sites", views.Sites.as_view(), name="api-sites"),
    path("sites/<uuid:site_id>", views.OneSite.as_view(), name="api-site"),
    path("groups", Groups.as_view(), name="api-groups"),
    path("cameras", views.Cameras.as_view(), name="api-cameras"),
    path("cameras/<uuid:camera_id>", views.OneCamera.as_view(), name="api-camera"),
    path("cameras/<uuid:camera_id>/people", CameraPeopleView.as_view(), name="api-camera-people"),
    path(
        "cameras/<uuid:camera_id>/certificate", CameraCertificateView.as_view(), name="api-camera-certificate"
    ),
    path("cameras/<uuid:camera_id>/steering", CameraSteering.as_view(), name="api-camera-steering"),
    path(
        "cameras/<uuid:camera_id>/steering/<uuid:order_id>",
        CameraSteered.as_view(),
        name="api-camera-steered",
    ),
    path("cameras/<uuid:camera_id>/offers", CameraOffers.as_view(), name="api-camera-offers"),
    path(
        "cameras/<uuid:camera_id>/offers/<uuid:order_id>",
        CameraOffersAsked.as_view(),
        name="api-camera-offers-asked",
    ),
    path("agents/<uuid:agent_id>/cameras", views.CameraAdding.as_view(), name="api-agent-cameras"),
    path("camera-tests", CameraTests.as_view(), name="api-camera-tests"),
    path("camera-tests/<uuid:test_id>", CameraTest.as_view(), name="api-camera-test"),
    path("camera-searches", CameraSearches.as_view(), name="api-camera-searches"),
    path("camera-searches/<uuid:search_id>", CameraSearch.as_view(), name="api-camera-search"),
    path("camera-looks", CameraLooks.as_view(), name="api-camera-looks"),
    path("camera-looks/<uuid:look_id>", CameraLook.as_view(), name="api-camera-look"),
    path("camera-looks/<uuid:look_id>/cameras", LookedCameras.as_view(), name="api-looked-cameras"),
    path(
        "camera-looks/<uuid:look_id>/cameras/<uuid:found_id>/settings",
        LookedSettings.as_view(),
        name="api-looked-settings",
    ),
    path("camera-settings/<uuid:setting_id>", CameraSetting.as_view(), name="api-camera-setting"),
    path("camera-imports", CameraImports.as_view(), name="api-camera-imports"),
    path("camera-imports/<uuid:import_id>/cameras", ImportedCameras.as_view(), name="api-imported-cameras"),
    path(
        "cameras/<uuid:camera_id>/password",
        password.CameraPasswordView.as_view(),
        name="api-camera-password",
    ),
    path(
        "cameras/<uuid:camera_id>/password/revealing",
        password.PasswordRevealing.as_view(),
        name="api-camera-password-revealing",
    ),
    path("password-runs", password.PasswordRuns.as_view(), name="api-password-runs"),
    path("password-runs/<uuid:run_id>", password.OnePasswordRun.as_view(), name="api-password-run"),
    path("password-runs/<uuid:run_id>/retry", password.PasswordRetry.as_view(), name="api-password-retry"),
    path("password-schedules", password.PasswordSchedules.as_view(), name="api-password-schedules"),
    path(
        "password-schedules/<uuid:schedule_id>",
        password.OnePasswordSchedule.as_view(),
        name="api-password-schedule",
    ),
    path(
        "cameras/<uuid:camera_id>/checks/<str:point_key>", CameraCheckView.as_view(), name="api-camera-check"
    ),
    path("sites/<uuid:site_id>/commissioning", SiteCommissioning.as_view(), name="api-site-commissioning"),
    path("sites/<uuid:site_id>/sign-offs", SiteSignOffs.as_view(), name="api-site-sign-offs"),
    path("sign-offs/<uuid:sign_off_id>/report", SignOffReport.as_view(), name="api-sign-off-report"),
    path("sign-offs/<uuid:sign_off_id>/report.pdf", SignOffReportPdf.as_view(), name="api-sign-off-pdf"),
    path("views", Views.as_view(), name="api-views"),
    path("views/<uuid:view_id>", View.as_view(), name="api-view"),
]

agent_api = [
    path("passwords", password_reports, name="agent-passwords"),
    path("certificates", certificates, name="agent-certificates"),
    path("adoption", adoption, name="agent-adoption"),
]

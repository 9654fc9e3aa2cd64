"""Cameras and where their pictures come from."""

from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection, models
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from tenants.models import Site, TenantModel
from tenants.scope import current_tenant_id
from vsaas.agents.models import Agent

RETENTION_DAYS_MAX = 3650


class Camera(TenantModel):
    """A camera recorded by one agent. `retention_days` empty: the tenant's default.

    `version` grows with every change, so that a form based on an older one is noticed. A deleted camera keeps its row
    while records speak of it: `deleted_at` says when recording ended, `erase_footage` that its recordings are to go
    at once and are shown to nobody any more, instead of at the end of their retention. `certificate`: SHA-256 of the one a
    person accepted; over rtsps the agent takes no other. `events`: the agent listens to what the camera itself notices (ONVIF).
    `recording`: when and how much of it is recorded (`vsaas.cameras.recording`); null: everything, always. `detection`: what the
    agent itself looks for in its picture (`vsaas.cameras.detection`); null: nothing. `hardware`: make, model, firmware and serial, as
    it said when it was found; null: it was added by its address.
    `offers`: what it offers by ONVIF (`vsaas.cameras.offers`); null: it was never asked.
    """

    site_path = "site_id"
    camera_path = "id"
    groups_path = "groups"

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    enabled = models.BooleanField(default=True)
    audio = models.BooleanField(default=True)
    retention_days = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(RETENTION_DAYS_MAX)]
    )
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1, db_default=1)
    deleted_at = models.DateTimeField(null=True, blank=True)
    erase_footage = models.BooleanField(default=False, db_default=False)
    certificate = models.BinaryField(max_length=32, null=True, blank=True)
    recording = models.JSONField(null=True, blank=True)
    events = models.BooleanField(default=False, db_default=False)
    detection = models.JSONField(null=True, blank=True)
    hardware = models.JSONField(null=True, blank=True)
    offers = models.JSONField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "site", "name"],
                name="camera_name_once_per_site",
                condition=models.Q(deleted_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return self.name


class CameraGroup(TenantModel):
    """A camera is in the group of this name. A group is nothing but its cameras: it is there while one is in it."""

    site_path = "camera__site_id"
    camera_path = "camera_id"
    groups_path = "camera__groups"

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(max_length=200)

    class Meta(TenantModel.Meta):
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "camera", "name"], name="camera_group_once")]
        indexes = [models.Index(fields=["tenant", "name"], name="camera_group_name")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def names_of(cls, camera_id: UUID) -> frozenset[str]:
        """The groups a camera is in. Written out, since it is in the way of every request for one camera and Django's query
        builder would take three quarters of its time."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT name FROM cameras_cameragroup WHERE tenant_id = %s AND camera_id = %s",
                [current_tenant_id(), camera_id],
            )
            return frozenset(name for (name,) in cursor.fetchall())


class StreamKind(models.IntegerChoices):
    """The two videos of a camera (SPEC 1.4)."""

    MAIN = 1, _("main")
    SUB = 2, _("sub")


class CameraSource(TenantModel):
    """Where one stream of a camera is fetched: an RTSP URL with its credentials, sealed to the agent's box key.

    The portal cannot open it again; of the URL its scheme alone is kept beside it (`scheme`: "rtsp" or "rtsps"; "" where it was
    set before that was noted), so that a link without encryption is shown.
    """

    site_path = "camera__site_id"
    camera_path = "camera_id"
    groups_path = "camera__groups"

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="sources")
    stream = models.PositiveSmallIntegerField(choices=StreamKind.choices)
    sealed = models.BinaryField()
    scheme = models.CharField(max_length=8, default="", db_default="", blank=True)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "camera", "stream"], name="camera_source_once_per_stream"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_stream_display()} source of {self.camera_id}"


class CameraPassword(TenantModel):
    """What is known of a camera's password, and how it is changed. No row: nothing was set and nothing is known.

    `service`: its ONVIF device service, or where the plug-in `way` finds it; "": the usual place. `sealed`: the password the agent
    set at `changed_at` by `change`, sealed to the tenant recipient `recipient` (kid); null once somebody typed another address.
    `former_main`, `former_sub`: the sources before, sealed to the agent, to put them back. `spare`: a password the camera may have
    though its change `spare_change` failed.
    """

    site_path = "camera__site_id"
    camera_path = "camera_id"
    groups_path = "camera__groups"

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="passwords")
    service = models.CharField(max_length=1000, default="", blank=True)
    way = models.CharField(max_length=40, default="onvif")
    changed_at = models.DateTimeField(null=True, blank=True)
    change = models.UUIDField(null=True, blank=True)
    sealed = models.BinaryField(null=True, blank=True)
    recipient = models.BinaryField(max_length=16, null=True, blank=True)
    former_main = models.BinaryField(null=True, blank=True)
    former_sub = models.BinaryField(null=True, blank=True)
    spare = models.BinaryField(null=True, blank=True)
    spare_change = models.UUIDField(null=True, blank=True)
    spare_recipient = models.BinaryField(max_length=16, null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "camera"], name="camera_password_once_per_camera")
        ]

    def __str__(self) -> str:
        return f"password of {self.camera_id}"


ALL_CAMERAS = gettext_noop("all cameras")


class PasswordRun(TenantModel):
    """Passwords of some cameras, changed one after another. `about`: which ones, in words as they were then; `asked_by`: the name
    of who asked, "" for the schedule. `restores`: the former passwords are put back."""

    about = models.CharField(max_length=300)
    asked_by = models.CharField(max_length=200, default="", blank=True)
    restores = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        ordering = ["-started_at", "-id"]
        indexes = [
            models.Index(
                fields=["tenant"], name="password_run_open", condition=models.Q(ended_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return self.about

    @property
    def about_words(self) -> str:
        """Which cameras, in the language of whoever reads."""
        return gettext(self.about) if self.about == ALL_CAMERAS else self.about


class PasswordState(models.TextChoices):
    """How far the change of one password is."""

    WAITING = "waiting", _("waiting")
    ASKED = "asked", _("under way")
    DONE = "done", _("done")
    FAILED = "failed", _("not done")


class PasswordChange(TenantModel):
    """One camera of a run. Its id is what the agent knows the change by: tried again, it is another row of another run. `cause`:
    one of `protocol.passwords.CAUSES`, or the portal's own."""

    site_path = "camera__site_id"
    camera_path = "camera_id"
    groups_path = "camera__groups"

    run = models.ForeignKey(PasswordRun, on_delete=models.CASCADE, related_name="changes")
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=PasswordState.choices, default=PasswordState.WAITING)
    cause = models.CharField(max_length=40, default="", blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "run", "camera"], name="password_change_once_per_run")
        ]
        indexes = [models.Index(fields=["tenant", "camera", "ended_at"], name="password_change_of_camera")]

    def __str__(self) -> str:
        return f"change of the password of {self.camera_id}"


class PasswordSchedule(TenantModel):
    """Passwords are changed every `months` months, in the hour `hour` of the site's own time: of a site, of a group, or of all
    cameras. What was never set counts from `begun_at`."""

    site_path = "site_id"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    group = models.CharField(max_length=200, default="", blank=True)
    months = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(60)])
    hour = models.PositiveSmallIntegerField(validators=[MaxValueValidator(23)])
    begun_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "site", "group"],
                name="password_schedule_once_per_place",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return self.group or (str(self.site) if self.site_id else ALL_CAMERAS)


class CertificateState(models.TextChoices):
    """How far a camera is with a certificate of the organisation's authority."""

    ASKED = "asked", _("under way")
    ISSUED = "issued", _("being put into the camera")
    HELD = "held", _("in use")
    FAILED = "failed", _("not done")

    @classmethod
    def under_way(cls) -> tuple["CertificateState", ...]:
        """Those that do not last."""
        return (cls.ASKED, cls.ISSUED)


class CameraCertificate(TenantModel):
    """The certificate the organisation's authority issued to a camera (DER): `held`, the last one it showed, and `coming`, one
    that is being put into it. `change`: what the agent knows the order by; `cause`: one of `protocol.camera_certificate.CAUSES`."""

    site_path = "camera__site_id"
    camera_path = "camera_id"
    groups_path = "camera__groups"

    camera = models.OneToOneField(Camera, on_delete=models.CASCADE, related_name="issued")
    state = models.CharField(max_length=10, choices=CertificateState.choices, default=CertificateState.ASKED)
    cause = models.CharField(max_length=40, default="", blank=True)
    change = models.UUIDField()
    service = models.CharField(max_length=1000, default="", blank=True)
    asked_at = models.DateTimeField()
    host = models.CharField(max_length=253, default="", blank=True)
    coming = models.BinaryField(null=True, blank=True)
    held = models.BinaryField(null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"certificate of {self.camera_id}"


class CameraCheck(TenantModel):
    """What a person said of one point of a camera's checklist (`vsaas.cameras.checklist`): that it is so, or with a `reason` that
    it stays as it is. No row: nothing was said."""

    site_path = "camera__site_id"
    camera_path = "camera_id"
    groups_path = "camera__groups"

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="checks")
    point = models.CharField(max_length=20)
    reason = models.CharField(max_length=300, default="", blank=True)
    by_id = models.UUIDField()
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "camera", "point"], name="camera_check_once_per_point")
        ]

    def __str__(self) -> str:
        return f"{self.point} of {self.camera_id}"


class SignOff(TenantModel):
    """Somebody signed for the cameras of a site. `signed`: the commissioning report of that moment, signed by the tenant's command
    key (docs/installers.md). Rows are never changed, and go with their site."""

    site_path = "site_id"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    remarks = models.CharField(max_length=2000, default="", blank=True)
    signed = models.BinaryField()

    class Meta(TenantModel.Meta):
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["tenant", "site", "at"], name="sign_off_of_site")]

    def __str__(self) -> str:
        return f"sign-off of {self.site_id}"


class WallLayout(models.TextChoices):
    """How a wall of cameras is divided."""

    AUTO = "auto", _("Automatic")
    ONE = "1", _("One")
    TWO = "2x2", "2 × 2"
    THREE = "3x3", "3 × 3"
    ONE_AND_FIVE = "1+5", "1 + 5"
    FOUR = "4x4", "4 × 4"
    FIVE = "5x5", "5 × 5"


class SavedView(TenantModel):
    """An arrangement of cameras one account keeps; `shared`: everybody of the organisation who sees cameras may show it.

    `cameras` holds ids in the order of the wall. It is no list of rights: whoever shows the view sees those of its cameras
    they may see anyway (`vsaas.cameras.saved_views`).
    """

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    layout = models.CharField(max_length=8, choices=WallLayout.choices, default=WallLayout.AUTO)
    cameras = ArrayField(models.UUIDField())
    carousel_s = models.PositiveSmallIntegerField(null=True)
    """Seconds each page of the view stands in the carousel; null: the view does not turn by itself."""
    shared = models.BooleanField(default=False)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        abstract = False
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "account", "name"], name="saved_view_name_once_per_account"
            )
        ]

    def __str__(self) -> str:
        return self.name

"""All that a user can ask for, by subject: what pages, the API and the command line have of the core."""

from __future__ import annotations

from dataclasses import dataclass

from server.operations.accounts import AccountOperations
from server.operations.admin import AdminOperations
from server.operations.alerts import AlertOperations
from server.operations.audit import AuditOperations
from server.operations.batch_combining import BatchCombining
from server.operations.batch_comparison import BatchComparison
from server.operations.batch_lists import BatchListOperations
from server.operations.batch_orders import BatchOrderOperations
from server.operations.batches import BatchOperations
from server.operations.batches_together import BatchesTogether
from server.operations.brands import BrandOperations
from server.operations.comments import CommentOperations
from server.operations.connections import ConnectionOperations
from server.operations.dataset_differences import DifferenceOperations
from server.operations.dataset_exports import ExportOperations
from server.operations.dataset_profiles import ProfileOperations
from server.operations.dataset_rows import RowOperations
from server.operations.datasets import DatasetOperations
from server.operations.deliveries import DeliveryOperations
from server.operations.events import EventOperations
from server.operations.external_jobs import ExternalJobOperations
from server.operations.favourites import FavouriteOperations
from server.operations.fetches import FetchOperations
from server.operations.first_pages import FirstPageOperations
from server.operations.first_run import FirstRun
from server.operations.gallery import GalleryOperations
from server.operations.groups import GroupOperations
from server.operations.held_addresses import HeldAddressOperations
from server.operations.help import HelpOperations
from server.operations.imports import ImportOperations
from server.operations.invitations import InvitationOperations
from server.operations.job_chains import JobChains
from server.operations.job_removal import JobRemoval
from server.operations.jobs import JobOperations
from server.operations.jobs_together import JobsTogether
from server.operations.mail_choices import MailChoiceOperations
from server.operations.maintenance import MaintenanceOperations
from server.operations.monitoring import MonitoringOperations
from server.operations.notifications import NotificationOperations
from server.operations.openid import OpenIdOperations
from server.operations.passkeys import PasskeyOperations
from server.operations.password_resets import PasswordResets
from server.operations.peers import PeerOperations
from server.operations.push import PushOperations
from server.operations.queries import QueryOperations
from server.operations.recently_seen import RecentlySeen
from server.operations.rejects import RejectOperations
from server.operations.retention import RetentionOperations
from server.operations.samples import SampleOperations
from server.operations.saved_views import SavedViewOperations
from server.operations.schedule_handover import ScheduleHandover
from server.operations.schedules import ScheduleOperations
from server.operations.search import SearchOperations
from server.operations.second_factors import SecondFactorOperations
from server.operations.sessions import SessionOperations
from server.operations.share_links import ShareLinkOperations
from server.operations.shared_reports import SharedReports
from server.operations.sharing import SharingOperations
from server.operations.template_previews import TemplatePreviews
from server.operations.template_starts import TemplateStarts
from server.operations.template_versions import TemplateVersionOperations
from server.operations.templates import TemplateOperations
from server.operations.tokens import TokenOperations
from server.operations.unsubscribing import UnsubscribeOperations
from server.operations.uploaded_files import UploadedFiles
from server.operations.uploads import UploadOperations
from server.operations.usage import UsageOperations
from server.operations.wall import WallOperations


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    accounts: AccountOperations
    admin: AdminOperations
    alerts: AlertOperations
    audit: AuditOperations
    batch_combining: BatchCombining
    batch_comparison: BatchComparison
    batches: BatchOperations
    batch_lists: BatchListOperations
    batch_orders: BatchOrderOperations
    batches_together: BatchesTogether
    brands: BrandOperations
    comments: CommentOperations
    connections: ConnectionOperations
    deliveries: DeliveryOperations
    dataset_differences: DifferenceOperations
    dataset_exports: ExportOperations
    dataset_profiles: ProfileOperations
    dataset_rows: RowOperations
    datasets: DatasetOperations
    events: EventOperations
    external_jobs: ExternalJobOperations
    favourites: FavouriteOperations
    fetches: FetchOperations
    first_pages: FirstPageOperations
    first_run: FirstRun
    gallery: GalleryOperations
    groups: GroupOperations
    held_addresses: HeldAddressOperations
    help: HelpOperations
    imports: ImportOperations
    invitations: InvitationOperations
    job_chains: JobChains
    job_removal: JobRemoval
    jobs: JobOperations
    jobs_together: JobsTogether
    mail_choices: MailChoiceOperations
    maintenance: MaintenanceOperations
    monitoring: MonitoringOperations
    notifications: NotificationOperations
    openid: OpenIdOperations
    passkeys: PasskeyOperations
    password_resets: PasswordResets
    peers: PeerOperations
    push: PushOperations
    queries: QueryOperations
    recently_seen: RecentlySeen
    rejects: RejectOperations
    retention: RetentionOperations
    samples: SampleOperations
    schedule_handover: ScheduleHandover
    schedules: ScheduleOperations
    search: SearchOperations
    saved_views: SavedViewOperations
    second_factors: SecondFactorOperations
    share_links: ShareLinkOperations
    shared_reports: SharedReports
    sessions: SessionOperations
    sharing: SharingOperations
    template_previews: TemplatePreviews
    template_versions: TemplateVersionOperations
    template_starts: TemplateStarts
    templates: TemplateOperations
    tokens: TokenOperations
    unsubscribing: UnsubscribeOperations
    uploaded_files: UploadedFiles
    uploads: UploadOperations
    usage: UsageOperations
    wall: WallOperations

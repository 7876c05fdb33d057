"""All that a user can ask for, each handed the parts that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from server.app.accounts import AuthParts
from server.app.alerts import AlertParts
from server.app.channels import PushParts, mail_leaves, public_base
from server.app.chores import backup_commands
from server.app.datasets import DatasetParts
from server.app.deliveries import DeliveryParts
from server.app.engines import kinds_waiting_in_vain, words_for
from server.app.jobs import JobParts
from server.app.live import LiveParts, RealtimeParts
from server.app.monitoring import MonitoringParts
from server.app.openid import build_openid
from server.app.reports import ReportParts
from server.app.schedules import build_schedule_kinds, build_schedules
from server.app.storage import StorageParts
from server.app.uploads import UploadParts
from server.app.workers import WorkerParts
from server.auth.access import ThingAccess
from server.auth.audit import Audit
from server.auth.grants import GrantStore
from server.auth.groups import GroupStore
from server.auth.saved_views import SavedViewStore
from server.auth.webauthn_site import site_of
from server.base_path import BasePath
from server.care.certificates import end_of
from server.clock import utc_now
from server.datasets.query_store import QueryStore
from server.help.library import HelpLibrary
from server.help.pictures import picture_files
from server.languages import Languages
from server.live.notice_kinds import NoticeKind
from server.live.peer_signals import PeerSignalled, PeerSignals, PeerTeller, PeerWays
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
from server.operations.data_reading import DataReading
from server.operations.dataset_access import DatasetAccess
from server.operations.dataset_differences import DifferenceOperations
from server.operations.dataset_exports import ExportOperations
from server.operations.dataset_profiles import ProfileOperations
from server.operations.dataset_rows import RowOperations
from server.operations.datasets import DatasetOperations
from server.operations.deliveries import DeliveryOperations
from server.operations.delivery_checks import DeliveryChecks
from server.operations.delivery_trials import DeliveryTrials
from server.operations.events import EventOperations
from server.operations.external_jobs import ExternalJobOperations
from server.operations.favourites import FavouriteOperations
from server.operations.fetches import FetchOperations
from server.operations.findable_docs import FindableDocs, ReferenceChapters
from server.operations.first_pages import FirstPageOperations
from server.operations.first_run import FirstRun
from server.operations.gallery import GalleryOperations
from server.operations.groups import GroupOperations
from server.operations.handed_names import HandedNames
from server.operations.held_addresses import HeldAddressOperations
from server.operations.help import HelpOperations
from server.operations.imports import ImportOperations
from server.operations.invitations import InvitationOperations
from server.operations.job_chains import JobChains
from server.operations.job_removal import JobRemoval
from server.operations.jobs import JobOperations
from server.operations.jobs_together import JobsTogether
from server.operations.link_ends import LinkRules
from server.operations.mail_choices import MailChoiceOperations
from server.operations.maintenance import MaintenanceOperations
from server.operations.monitoring import MonitoringOperations
from server.operations.notifications import NotificationOperations
from server.operations.offered import Operations
from server.operations.openid import OpenIdOperations
from server.operations.passkeys import PasskeyOperations
from server.operations.password_resets import PasswordResets
from server.operations.password_step import PasswordStep
from server.operations.peer_offers import PeerOffers
from server.operations.peer_people import PeerPeople
from server.operations.peers import PeerOperations
from server.operations.public_links import PublicLinks
from server.operations.push import PushOperations
from server.operations.queries import QueryOperations
from server.operations.recently_seen import RecentlySeen
from server.operations.rejects import RejectOperations
from server.operations.retention import Retention, RetentionOperations
from server.operations.samples import SampleOperations
from server.operations.saved_views import SavedViewOperations
from server.operations.schedule_handover import ScheduleHandover
from server.operations.schedule_runs.queries import AlertOutlets
from server.operations.search import SearchOperations
from server.operations.second_factors import SecondFactorOperations
from server.operations.second_step import SecondStep
from server.operations.sessions import SessionOperations
from server.operations.share_links import ShareLinkOperations
from server.operations.shared_reports import SharedReports
from server.operations.sharing import SharingOperations
from server.operations.template_previews import TemplatePreviews
from server.operations.template_saving import TemplateSaving
from server.operations.template_starts import TemplateStarts
from server.operations.template_versions import TemplateVersionOperations
from server.operations.templates import TemplateOperations
from server.operations.tokens import TokenOperations
from server.operations.unsubscribing import UnsubscribeOperations
from server.operations.upload_parts import PartOperations
from server.operations.uploaded_files import UploadedFiles
from server.operations.uploads import UploadOperations
from server.operations.usage import UsageOperations
from server.operations.wall import WallOperations
from server.places import DOCS, EXAMPLES
from server.reports.batch_lists import BatchLists
from server.reports.comments import CommentStore
from server.reports.share_links import ShareLinkStore
from server.schedules.owners import ScheduleOwners
from server.schedules.store import ScheduleStore
from server.settings import Settings


def build_operations(
    settings: Settings,
    *,
    languages: Languages,
    storage: StorageParts,
    auth: AuthParts,
    workers: WorkerParts,
    realtime: RealtimeParts,
    live: LiveParts,
    jobs: JobParts,
    uploads: UploadParts,
    datasets: DatasetParts,
    reports: ReportParts,
    retention: Retention,
    statistics: Mapping[str, Callable[[], object]],
    monitoring: MonitoringParts,
    alerts: AlertParts,
    push: PushParts,
    deliveries: DeliveryParts,
) -> Operations:
    database = storage.database
    rights = ThingAccess(database, audit=Audit(database))
    job_operations = JobOperations(
        database=database,
        access=rights,
        runner=jobs.runner,
        external=jobs.external,
        table=jobs.table,
        store=jobs.store,
    )
    job_removal = JobRemoval(
        database=database,
        jobs=job_operations,
        blobs=storage.blobs,
        audit=Audit(database),
        removals=live.removals,
    )
    openid = build_openid(settings, database=database, auth=auth)
    password_step = _password_step(storage, auth, realtime, live, openid)
    second_step = _second_step(storage, auth, live)
    accounts = AccountOperations(
        database=database, credentials=auth.credentials, languages=languages, password_step=password_step
    )
    sessions = SessionOperations(
        database=database, credentials=auth.credentials, password_step=password_step, second_step=second_step
    )
    base = BasePath(settings.base_path)
    links = PublicLinks(base.address(settings.public_url) if settings.public_url else base.text)
    files = _uploads(storage, rights, live, jobs, uploads)
    reading = DataReading(
        catalog=datasets.catalog,
        workers=workers.interactive,
        scratch=storage.scratch,
        room=storage.room,
        limits=datasets.query_limits,
        answer_bytes=settings.max_answer_bytes,
        access=rights,
    )
    access = DatasetAccess(access=rights, catalog=datasets.catalog)
    profiles = ProfileOperations(reading, access)
    imports = _imports(settings, storage, workers, jobs, job_operations, uploads, datasets, access, rights)
    saving = TemplateSaving(
        database=database,
        store=reports.templates,
        reading=reading,
        audit=Audit(database),
        growth=storage.growth,
    )
    templates = _templates(storage, rights, reading, reports, saving)
    batches = _batches(storage, rights, jobs, reports, languages)
    orders = _batch_orders(settings, storage, reading, jobs, reports, templates, batches, deliveries.checks)
    combining = BatchCombining(
        batches=batches,
        store=reports.batches,
        blobs=storage.blobs,
        workers=workers.exports,
        scratch=storage.scratch,
        room=storage.room,
        languages=languages,
    )
    share_links = ShareLinkOperations(
        database=database,
        store=ShareLinkStore(database, auth.seals),
        batches=batches,
        passwords=auth.credentials.passwords,
        rules=LinkRules(are_on=settings.share_links, max_days=settings.link_max_days),
    )
    sharing = SharingOperations(
        database=database,
        access=rights,
        grants=GrantStore(),
        audit=Audit(database),
        changed=live.shared_events.changed,
        tell=partial(live.notices.warn, kind=NoticeKind.SHARED),
    )
    admin = AdminOperations(
        database=database,
        credentials=auth.credentials,
        settings=settings,
        parts=statistics,
    )
    connections = ConnectionOperations(
        database=database, presences=realtime.presences, announcing=live.announcing, notices=live.notices
    )
    monitoring_operations = MonitoringOperations(
        database=database,
        store=monitoring.store,
        readings=monitoring.sampler.readings,
        metrics_addresses=settings.metrics_addresses,
        certificate_end=partial(end_of, settings),
        refused_origins=auth.refused_origins.lately,
        waiting_in_vain=kinds_waiting_in_vain,
    )
    help_pages = HelpOperations(
        library=HelpLibrary(directory=DOCS, root=base.text, workers=workers.interactive),
        languages=languages,
        pictures=picture_files(DOCS),
    )
    queries = QueryOperations(
        reading, database=database, store=QueryStore(database), audit=Audit(database), growth=storage.growth
    )
    kinds = build_schedule_kinds(
        storage=storage,
        jobs=jobs,
        uploads=uploads,
        orders=orders,
        imports=imports,
        datasets=access,
        queries=queries,
        outlets=AlertOutlets(
            notices=live.notices,
            posting=alerts.posting,
            carrying=deliveries.carrying,
            rules=deliveries.rules,
            languages=languages,
            base=public_base(settings),
        ),
        backups=backup_commands(settings),
    )
    for kind in kinds.values():
        if kind.job_kind is not None:
            jobs.kinds.add(kind.job_kind)
    schedules = build_schedules(storage=storage, live=live, rights=rights, kinds=kinds, deliveries=deliveries.checks)
    jobs.table.listen(schedules.scheduler.heard)
    return Operations(
        accounts=accounts,
        admin=admin,
        alerts=AlertOperations(
            database=database,
            measuring=alerts.measuring,
            telling=alerts.telling,
            posting=alerts.posting,
            notices=live.notices,
            heartbeat=alerts.heartbeat,
        ),
        audit=AuditOperations(database=database, address_days=settings.audit_address_days),
        batch_combining=combining,
        batch_comparison=BatchComparison(batches=batches, store=reports.batches),
        batches=batches,
        batch_lists=BatchListOperations(
            database=database,
            lists=BatchLists(database),
            batches=batches,
            blobs=storage.blobs,
            audit=Audit(database),
            languages=languages,
        ),
        batch_orders=orders,
        batches_together=BatchesTogether(lists=BatchLists(database), batches=batches, sharing=sharing),
        brands=BrandOperations(
            database=database,
            store=reports.brands,
            images=reports.images,
            blobs=storage.blobs,
            quotas=storage.quotas,
            growth=storage.growth,
        ),
        comments=CommentOperations(
            database=database,
            store=CommentStore(database),
            batches=batches,
            notices=live.notices,
            publish=live.announcing.publish,
            watching=realtime.manager.subscribed_users,
            growth=storage.growth,
        ),
        connections=connections,
        deliveries=DeliveryOperations(
            database=database,
            access=rights,
            store=deliveries.store,
            batches=batches,
            orders=orders,
            checks=deliveries.checks,
            rules=deliveries.rules,
            trials=DeliveryTrials(database=database, rules=deliveries.rules),
            carrying=deliveries.carrying,
            sending=deliveries.sending,
            bouncing=deliveries.bouncing,
        ),
        dataset_differences=DifferenceOperations(reading, access),
        dataset_exports=ExportOperations(reading, access, workers=workers.exports, blobs=storage.blobs),
        dataset_profiles=profiles,
        dataset_rows=RowOperations(reading, access),
        datasets=_datasets(storage, reading, access, reports),
        events=EventOperations(
            database=database,
            manager=realtime.manager,
            announcing=live.announcing,
            notices=live.notices,
            growth=storage.growth,
            has_others=bool(settings.broker_url),
        ),
        external_jobs=ExternalJobOperations(
            external=jobs.external,
            table=jobs.table,
            store=jobs.store,
            jobs_per_user=settings.external_jobs_per_user,
            updates_per_second=settings.external_updates_per_second,
        ),
        favourites=FavouriteOperations(database=database),
        fetches=FetchOperations(
            runner=jobs.runner,
            elsewhere=uploads.elsewhere,
            folders=uploads.folders,
            hosts=settings.import_hosts,
        ),
        first_pages=FirstPageOperations(batches=batches, store=reports.batches, reading=reading, blobs=storage.blobs),
        first_run=FirstRun(database=database, users=auth.credentials.users, accounts=accounts),
        gallery=GalleryOperations(
            access=access,
            store=reports.templates,
            templates=templates,
            uploads=files,
            imports=imports,
            jobs=job_operations,
            languages=languages,
            files=EXAMPLES / "gallery",
        ),
        groups=GroupOperations(
            database=database,
            store=GroupStore(database),
            audit=Audit(database),
            changed=live.shared_events.changed_everywhere,
        ),
        held_addresses=HeldAddressOperations(database),
        help=help_pages,
        imports=imports,
        invitations=InvitationOperations(
            database=database, credentials=auth.credentials, accounts=accounts, links=links
        ),
        job_removal=job_removal,
        jobs=job_operations,
        job_chains=JobChains(database=database, table=jobs.table),
        jobs_together=JobsTogether(jobs=job_operations, removal=job_removal, store=jobs.store),
        mail_choices=MailChoiceOperations(
            database=database,
            languages=languages,
            language=settings.alert_language,
            base=public_base(settings),
            seals=auth.seals,
            is_set_up=lambda: mail_leaves(settings),
            hurry=alerts.posting.hurry,
        ),
        maintenance=MaintenanceOperations(database=database),
        monitoring=monitoring_operations,
        notifications=NotificationOperations(database=database, languages=languages, notices=live.notices),
        openid=openid,
        push=PushOperations(database=database, service=push.service, keys=push.keys, seals=auth.seals),
        passkeys=PasskeyOperations(
            database=database,
            credentials=auth.credentials,
            accounts=accounts,
            sessions=sessions,
            seals=auth.seals,
            site=site_of(settings.public_url),
            tell=live.notices.warn,
        ),
        password_resets=PasswordResets(
            database=database,
            credentials=auth.credentials,
            links=links,
            tell=live.notices.warn,
        ),
        peers=_peers(settings, storage, auth, realtime, live),
        queries=queries,
        saved_views=SavedViewOperations(database=database, store=SavedViewStore(database)),
        samples=SampleOperations(uploads=files, templates=templates, sample=EXAMPLES / "orders.csv"),
        recently_seen=RecentlySeen(database=database),
        rejects=RejectOperations(
            imports,
            reading,
            access=rights,
            runner=jobs.runner,
            catalog=datasets.catalog,
            database=database,
            blobs=storage.blobs,
            audit=Audit(database),
        ),
        retention=RetentionOperations(retention),
        schedule_handover=ScheduleHandover(
            database=database,
            store=ScheduleStore(database),
            planned=schedules,
            owners=ScheduleOwners(database),
            users=auth.credentials.users,
            names=HandedNames(reading=reading, access=rights, datasets=access, users=auth.credentials.users),
            notices=live.notices,
        ),
        schedules=schedules,
        search=SearchOperations(
            database=database,
            index=words_for(settings),
            languages=languages,
            docs=FindableDocs(help_pages, ReferenceChapters(languages)).find,
        ),
        second_factors=SecondFactorOperations(
            database=database,
            credentials=auth.credentials,
            accounts=accounts,
            seals=auth.seals,
            strict_roles=auth.strict_roles,
            tell=live.notices.warn,
        ),
        share_links=share_links,
        shared_reports=SharedReports(
            store=ShareLinkStore(database, auth.seals),
            batches=batches,
            combining=combining,
            passwords=auth.credentials.passwords,
            throttle=realtime.throttle,
            seals=auth.seals,
            rules=share_links.rules,
        ),
        sessions=sessions,
        sharing=sharing,
        template_previews=_template_previews(templates, storage, rights, reading, reports),
        template_versions=TemplateVersionOperations(
            templates=templates, store=reports.templates, reading=reading, saving=saving
        ),
        template_starts=TemplateStarts(access=access, profiles=profiles, store=reports.templates),
        templates=templates,
        tokens=TokenOperations(
            database=database,
            credentials=auth.credentials,
            password_step=password_step,
            second_step=second_step,
            growth=storage.growth,
        ),
        unsubscribing=UnsubscribeOperations(
            database=database,
            store=deliveries.store,
            seals=auth.seals,
            throttle=realtime.throttle,
            telling=deliveries.telling,
            planned=schedules,
        ),
        uploaded_files=UploadedFiles(
            uploads=files,
            store=jobs.store,
            table=jobs.table,
            database=database,
            days=settings.upload_retention_days,
            refused_days=settings.refused_upload_retention_days,
        ),
        uploads=files,
        usage=UsageOperations(database=database, quotas=storage.quotas),
        wall=WallOperations(
            database=database,
            monitoring=monitoring_operations,
            jobs=job_operations,
            connections=connections,
            admin=admin,
        ),
    )


def _password_step(
    storage: StorageParts, auth: AuthParts, realtime: RealtimeParts, live: LiveParts, openid: OpenIdOperations
) -> PasswordStep:
    return PasswordStep(
        database=storage.database,
        credentials=auth.credentials,
        throttle=realtime.throttle,
        tell=live.notices.warn,
        password_way=openid.require_password_way,
    )


def _second_step(storage: StorageParts, auth: AuthParts, live: LiveParts) -> SecondStep:
    return SecondStep(
        database=storage.database,
        credentials=auth.credentials,
        seals=auth.seals,
        strict_roles=auth.strict_roles,
        tell=live.notices.warn,
    )


def _peers(
    settings: Settings, storage: StorageParts, auth: AuthParts, realtime: RealtimeParts, live: LiveParts
) -> PeerOperations:
    ways = PeerWays(stun_urls=settings.stun_urls, turn_urls=settings.turn_urls, turn_secret=settings.turn_secret)
    if settings.peer:
        live.delivery.add(PeerSignalled, PeerSignals(manager=realtime.manager, ways=ways).deliver)
    people, teller = PeerPeople(database=storage.database, presences=realtime.presences), PeerTeller(realtime.broker)
    offers = PeerOffers(
        people=people,
        database=storage.database,
        seals=auth.seals,
        teller=teller,
        most_bytes=settings.peer_max_bytes,
        offers_per_minute=settings.peer_offers_per_minute,
    )
    return PeerOperations(is_on=settings.peer, people=people, offers=offers, seals=auth.seals, teller=teller, ways=ways)


def _uploads(
    storage: StorageParts, rights: ThingAccess, live: LiveParts, jobs: JobParts, uploads: UploadParts
) -> UploadOperations:
    audit = Audit(storage.database)
    parts = PartOperations(
        database=storage.database,
        store=uploads.store,
        arrivals=uploads.arrivals,
        runner=jobs.runner,
        audit=audit,
        room=storage.room,
        max_bytes=uploads.limits.max_bytes,
        expiry=uploads.limits.expiry,
        clock=utc_now,
    )
    return UploadOperations(
        database=storage.database,
        access=rights,
        store=uploads.store,
        pieces=uploads.pieces,
        receiver=uploads.receiver,
        parts=parts,
        runner=jobs.runner,
        audit=audit,
        limits=uploads.limits,
        room=storage.room,
        removals=live.removals,
    )


def _imports(
    settings: Settings,
    storage: StorageParts,
    workers: WorkerParts,
    jobs: JobParts,
    job_operations: JobOperations,
    uploads: UploadParts,
    datasets: DatasetParts,
    access: DatasetAccess,
    rights: ThingAccess,
) -> ImportOperations:
    return ImportOperations(
        runner=jobs.runner,
        jobs=job_operations,
        uploads=uploads.store,
        pieces=uploads.pieces,
        access=access,
        looks=rights,
        catalog=datasets.catalog,
        workers=workers.interactive,
        audit=Audit(storage.database),
        limits=datasets.file_limits,
        reject_limit=settings.reject_limit,
    )


def _datasets(
    storage: StorageParts, reading: DataReading, access: DatasetAccess, reports: ReportParts
) -> DatasetOperations:
    return DatasetOperations(
        reading,
        access,
        database=storage.database,
        templates=reports.templates,
        queries=QueryStore(storage.database),
        blobs=storage.blobs,
        audit=Audit(storage.database),
        growth=storage.growth,
    )


def _templates(
    storage: StorageParts, rights: ThingAccess, reading: DataReading, reports: ReportParts, saving: TemplateSaving
) -> TemplateOperations:
    return TemplateOperations(
        database=storage.database,
        store=reports.templates,
        access=rights,
        reading=reading,
        blobs=storage.blobs,
        audit=Audit(storage.database),
        saving=saving,
        samples=EXAMPLES / "templates",
    )


def _template_previews(
    templates: TemplateOperations,
    storage: StorageParts,
    rights: ThingAccess,
    reading: DataReading,
    reports: ReportParts,
) -> TemplatePreviews:
    return TemplatePreviews(
        templates,
        database=storage.database,
        store=reports.templates,
        access=rights,
        reading=reading,
        blobs=storage.blobs,
        images=reports.images,
        brands=reports.brands,
    )


def _batches(
    storage: StorageParts, rights: ThingAccess, jobs: JobParts, reports: ReportParts, languages: Languages
) -> BatchOperations:
    return BatchOperations(
        database=storage.database,
        access=rights,
        store=reports.batches,
        runner=jobs.runner,
        jobs=jobs.table,
        job_store=jobs.store,
        blobs=storage.blobs,
        audit=Audit(storage.database),
        languages=languages,
    )


def _batch_orders(
    settings: Settings,
    storage: StorageParts,
    reading: DataReading,
    jobs: JobParts,
    reports: ReportParts,
    templates: TemplateOperations,
    batches: BatchOperations,
    deliveries: DeliveryChecks,
) -> BatchOrderOperations:
    return BatchOrderOperations(
        batches=batches,
        store=reports.batches,
        templates=templates,
        reading=reading,
        runner=jobs.runner,
        blobs=storage.blobs,
        images=reports.images,
        brands=reports.brands,
        audit=Audit(storage.database),
        deliveries=deliveries,
        max_reports=settings.max_reports_per_batch,
    )

"""Who takes a delivery out of the house, by how it leaves."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from server.auth.seals import Seals
from server.deliveries.bounce_reading import tagged
from server.deliveries.delivery import FrozenDelivery
from server.deliveries.pictures import ChartPictures
from server.deliveries.writing import DeliveryWords
from server.delivery.mail_pace import MailTurns
from server.delivery.messages import ChannelSender, ChannelTarget, ChannelVia
from server.delivery.parcel import Carrier, Channel, Parcel, ParcelState
from server.delivery.wishes import DeliveryVia
from server.errors import NotDelivered
from server.languages import Languages
from server.reports.share_links import ShareLinkStore

CHANNELS = frozenset(DeliveryVia) - {DeliveryVia.MAIL, DeliveryVia.FOLDER, DeliveryVia.LINK}


class UnsubscribeCode(msgspec.Struct, frozen=True):
    """What stands in the address by which somebody ends mail of a schedule, sealed: nobody can guess one."""

    schedule_id: str
    address: str


class FileFolders(Protocol):
    """Folders that the settings name."""

    async def put(self, delivery: FrozenDelivery) -> str:
        """Where its files lie now. Raises `NotDelivered`."""
        ...

    def require(self, path: str) -> None:
        """Raises `InvalidInput` for a place that nobody allows, or that could never be."""
        ...

    @property
    def is_set_up(self) -> bool: ...


class Carrying:
    """`base` is the address of this server as people know it; without one no mail holds a link. `bounces_to` is the
    mail address at which mails come back; empty, nobody reads them.
    """

    def __init__(
        self,
        *,
        mail: Carrier,
        mail_turns: MailTurns,
        folders: FileFolders,
        channels: ChannelSender,
        seals: Seals,
        links: ShareLinkStore,
        pictures: ChartPictures,
        languages: Languages,
        base: str,
        bounces_to: str,
    ) -> None:
        self._bounces_to = bounces_to
        self._mail = mail
        self._mail_turns = mail_turns
        self._folders = folders
        self._channels = channels
        self._seals = seals
        self._links = links
        self._pictures = pictures
        self._languages = languages
        self._base = base

    def can(self, via: DeliveryVia) -> bool:
        """Whether this server is set up for it."""
        if via is DeliveryVia.MAIL:
            return self._mail.is_set_up
        if via is DeliveryVia.FOLDER:
            return self._folders.is_set_up
        if via is DeliveryVia.LINK:
            return bool(self._base)
        return self._channels.is_set_up(channel_of(via))

    def require_folder(self, path: str) -> None:
        self._folders.require(path)

    def require_target(self, target: ChannelTarget) -> None:
        """Raises `InvalidInput`."""
        self._channels.require(target)

    async def prepare(self, delivery: FrozenDelivery, *, behind: datetime | None) -> None:
        """What takes its time, while nothing has left yet. Raises `NotDelivered` where it is not its turn."""
        if delivery.is_mail:
            await self._mail_turns.take_in_line(behind)
            await self._pictures.draw(delivery)

    async def carry(self, delivery: FrozenDelivery) -> str:
        """What the other side said, or where it lies. Raises `NotDelivered`."""
        if delivery.via is DeliveryVia.FOLDER:
            return await self._folders.put(delivery)
        if delivery.is_mail:
            await self._mail.carry(_parcel(delivery, await self.words_of(delivery)))
            return ""
        if delivery.via is DeliveryVia.LINK:
            return ""
        return await self._to_channel(delivery)

    async def allow_again(self, delivery: FrozenDelivery) -> None:
        """Somebody says that a place that was given up works again."""
        if delivery.via in CHANNELS and (target := self._target(delivery)):
            await self._channels.allow_again(target)

    async def words_of(self, delivery: FrozenDelivery) -> DeliveryWords:
        content = delivery.content
        link_ids = [each for each in (content.link_id, *(report.link_id for report in content.reports)) if each]
        return DeliveryWords(
            delivery,
            languages=self._languages,
            base=self._base,
            secrets=await self._links.secrets_of(link_ids) if link_ids else {},
            unsubscribe=self._unsubscribe(delivery),
            comes_back_to=tagged(self._bounces_to, delivery.bounce_tag)
            if self._bounces_to and delivery.bounce_tag
            else "",
            pictures=self._pictures.of(delivery),
        )

    async def link_urls(self, link_ids: list[str]) -> dict[str, str]:
        secrets = await self._links.secrets_of(link_ids)
        return {link_id: f"{self._base}/s/{secret}" for link_id, secret in secrets.items()}

    async def _to_channel(self, delivery: FrozenDelivery) -> str:
        target = self._target(delivery)
        if target is None:
            raise NotDelivered("Where it goes cannot be read any more; order it anew.", is_final=True)
        message = (await self.words_of(delivery)).message()
        event_id = f"{delivery.batch_id}:{delivery.round}"
        receipt = await self._channels.send(target, message, delivery_id=delivery.id, event_id=event_id)
        return receipt.said

    def _target(self, delivery: FrozenDelivery) -> ChannelTarget | None:
        return self._seals.open(delivery.sealed, ChannelTarget)

    def unsubscribe(self, schedule_id: str, address: str) -> str:
        """Where that address ends its mail of the schedule; empty where nobody said what this server is called."""
        code = self._seals.seal(UnsubscribeCode(schedule_id, address.casefold()))
        return f"{self._base}/unsubscribe/{code}" if self._base else ""

    def _unsubscribe(self, delivery: FrozenDelivery) -> str:
        if not (delivery.schedule_id and delivery.recipient) or delivery.is_trial:
            return ""
        return self.unsubscribe(delivery.schedule_id, delivery.recipient)


def channel_of(via: DeliveryVia) -> ChannelVia:
    return ChannelVia(via.value)


def _parcel(delivery: FrozenDelivery, words: DeliveryWords) -> Parcel:
    return Parcel(
        id=delivery.id,
        channel=Channel.MAIL,
        subject=words.subject,
        content=words.mail(),
        created_at=delivery.created_at,
        state=ParcelState.WAITING,
        attempts=delivery.attempts,
        next_at=delivery.next_at,
        error=None,
        sent_at=None,
    )

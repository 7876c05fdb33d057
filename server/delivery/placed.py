"""Takes parcels to chats and webhooks of people, by the channels that deliveries leave by."""

from __future__ import annotations

from server.auth.seals import Seals
from server.delivery.messages import ChannelSender, ChannelTarget
from server.delivery.parcel import Parcel, Placed
from server.errors import NotDelivered


class PlaceCarrier:
    """A `Carrier`."""

    def __init__(self, *, channels: ChannelSender, seals: Seals) -> None:
        self._channels = channels
        self._seals = seals

    @property
    def is_set_up(self) -> bool:
        return True

    async def carry(self, parcel: Parcel) -> None:
        content = parcel.content
        assert isinstance(content, Placed)
        target = self._seals.open(content.sealed, ChannelTarget)
        if target is None:
            raise NotDelivered("Where it goes cannot be read any more; save it anew.", is_final=True)
        try:
            await self._channels.send(target, content.message, delivery_id=parcel.id, event_id=content.event_id)
        except NotDelivered as error:
            error.is_final = error.is_final or error.may_have_arrived  # told twice it would ring twice
            raise

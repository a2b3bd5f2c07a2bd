"""Doorbells by RabbitMQ 3.10 to 4.x: a quorum queue for each lane, and no plugins.

The row in the store is the truth, so a message may be lost and may come twice, but it must never wait in
the hand of a process that is busy. Therefore a consumer holds one message and lives only while somebody
takes; what nobody acknowledges for a while is acknowledged here, and never put back.

One connection rings, another one hears: a broker that is short of memory stops reading from those that
publish, and acknowledgements must not stand behind that.
"""

from prelo.adapters.broker_rabbitmq.broker import RabbitmqBroker

__all__ = ["RabbitmqBroker"]

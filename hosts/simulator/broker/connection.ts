// SPDX-License-Identifier: Apache-2.0
/**
 * One network connection: decodes what the client sends, answers it, and is thrown away when the network is lost.
 *
 * Pure: bytes and `now` come in as arguments, bytes go out through the peer it was opened with.
 * Whatever a client does wrong ends its own connection and nothing else.
 * Spec: MQTT 3.1.1 §3, §4.8.
 */
import { DeviceError } from "../../../src/base/error.js";
import type { IConnectPacket, IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet, ProtocolVersion, QoS } from "./codec.js";
import { Decoder, encode } from "./codec.js";
import type { BrokerLimits, Message } from "./message.js";
import type { Link, Session } from "./session.js";
import { isFilter, isTopic } from "./topics.js";

/** The network under a connection. Neither method may call back into the connection. */
export interface Peer {
	/** Takes all bytes. @returns false when it wants no more until `Connection.drained` is called */
	send(bytes: Uint8Array): boolean;
	/** Ends the connection after what was sent. */
	close(): void;
}

/** What the transport proved about the client: the certificate that TLS verified. */
export interface Identity {
	/** Common name of the subject. */
	name: string;
	/** SHA-256 of the certificate, in lower case hexadecimal. */
	fingerprint: string;
}

/** A client as the hooks see it. */
export interface Client {
	clientId: string;
	identity: Identity | undefined;
	username: string | undefined;
	password: Uint8Array | undefined;
	cleanStart: boolean;
	/** Milliseconds; 0 is none. */
	keepAlive: number;
}

/** Why a CONNECT is answered with a refusal. */
export type Refusal = "protocol" | "identifier" | "unavailable" | "credentials" | "unauthorized";

/** Why a connection ended. All but `disconnect` publish the will. */
export type EndReason =
	| "disconnect" | "lost" | "keep-alive" | "taken-over" | "malformed" | "violation" | "too-large" | "refused" | "restart";

/** What a connection asks of the broker. */
export interface ConnectionOwner {
	admit(connection: Connection, client: Client, will: Message | undefined, now: number): { session: Session; sessionPresent: boolean } | Refusal;
	permits(client: Client, action: "publish" | "subscribe", topic: string): boolean;
	publish(message: Message, from: Client): void;
	/** @returns the QoS granted, or `undefined` when the session has too many */
	subscribe(session: Session, filter: string, qos: QoS): QoS | undefined;
	/** Delivers the retained messages of a new subscription. */
	replay(session: Session, filter: string, qos: QoS): void;
	unsubscribe(session: Session, filter: string): void;
	ended(connection: Connection, reason: EndReason, now: number): void;
}

/** MQTT 3.1.1 §3.2.2.3, MQTT 5 §3.2.2.2. */
const REFUSAL_CODES: Readonly<Record<Refusal, { returnCode: number; reasonCode: number }>> = Object.freeze({
	protocol: { returnCode: 1, reasonCode: 0x84 },
	identifier: { returnCode: 2, reasonCode: 0x85 },
	unavailable: { returnCode: 3, reasonCode: 0x88 },
	credentials: { returnCode: 4, reasonCode: 0x86 },
	unauthorized: { returnCode: 5, reasonCode: 0x87 },
});
const SUBSCRIBE_FAILURE = 0x80;
/** [MQTT-3.1.2-24] */
const KEEP_ALIVE_GRACE = 1.5;

export class Connection implements Link {
	readonly #owner: ConnectionOwner;
	readonly #peer: Peer;
	readonly #identity: Identity | undefined;
	readonly #decoder: Decoder;
	#version: ProtocolVersion = 4;
	#client: Client | undefined;
	#session: Session | undefined;
	#will: Message | undefined;
	#writable = true;
	#closed = false;
	#silence: number;
	#deadline: number;

	constructor(owner: ConnectionOwner, peer: Peer, identity: Identity | undefined, limits: BrokerLimits, now: number) {
		this.#owner = owner;
		this.#peer = peer;
		this.#identity = identity;
		this.#decoder = new Decoder(limits.packetMaximum);
		this.#silence = limits.connectTimeout;
		this.#deadline = now + this.#silence;
	}

	/** Present from the moment that the CONNECT is accepted. */
	get client(): Client | undefined { return this.#client; }
	get session(): Session | undefined { return this.#session; }
	/** To be published when the connection ends without DISCONNECT. */
	get will(): Message | undefined { return this.#will; }
	/** When the client has been silent for too long, or `Infinity`. */
	get deadline(): number { return this.#deadline; }
	get writable(): boolean { return this.#writable && !this.#closed; }

	/** Takes bytes from the network; they are copied. */
	receive(bytes: Uint8Array, now: number): void {
		if (this.#closed) return;
		try {
			this.#decoder.receive(bytes);
			// A packet may end the connection; what follows it is not looked at.
			while (!this.#closed) {
				const packet = this.#decoder.next();
				if (!packet) return;
				this.#deadline = now + this.#silence;
				this.#handle(packet, now);
			}
		} catch (error) {
			if (!(error instanceof DeviceError)) throw error;
			this.#fail(error, now);
		}
	}

	/** The network takes bytes again. */
	drained(): void {
		this.#writable = true;
		this.#session?.flush();
	}

	/** The network is gone. */
	lost(now: number): void {
		this.close("lost", now);
	}

	/** Ends a connection whose client was silent for too long. */
	expire(now: number): void {
		if (now >= this.#deadline) this.close("keep-alive", now);
	}

	close(reason: EndReason, now: number): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#deadline = Infinity;
		if (reason === "disconnect" || reason === "restart") this.#will = undefined;
		this.#peer.close();
		this.#owner.ended(this, reason, now);
	}

	transmit(packet: Packet): void {
		if (this.#closed) return;
		if (!this.#peer.send(encode(packet, this.#version))) this.#writable = false;
	}

	#fail(error: DeviceError, now: number): void {
		switch (error.code) {
			case "unsupported": return this.#refuse("protocol", now);
			case "malformed": case "violation": case "too-large": return this.close(error.code, now);
			default: throw error;
		}
	}

	#handle(packet: Packet, now: number): void {
		if (packet.cmd === "connect") return this.#connect(packet, now);
		const session = this.#session;
		// [MQTT-3.1.0-1]
		if (!session) throw violation(`${packet.cmd} before CONNECT`);
		switch (packet.cmd) {
			case "publish": return this.#publish(session, packet);
			case "puback": return expected(session.acknowledge(packet.messageId!), packet);
			case "pubrec": return expected(session.release(packet.messageId!), packet);
			case "pubcomp": return expected(session.complete(packet.messageId!), packet);
			case "pubrel":
				session.forget(packet.messageId!);
				return this.transmit({ cmd: "pubcomp", messageId: packet.messageId! });
			case "subscribe": return this.#subscribe(session, packet);
			case "unsubscribe": return this.#unsubscribe(session, packet);
			case "pingreq": return this.transmit({ cmd: "pingresp" });
			case "disconnect": return this.close("disconnect", now);
			default: throw violation(`${packet.cmd} from a client`);
		}
	}

	#connect(packet: IConnectPacket, now: number): void {
		if (this.#session) throw violation("second CONNECT");
		if (packet.protocolVersion === 5) this.#version = 5;
		if (packet.protocolVersion !== 4 || packet.protocolId !== "MQTT") return this.#refuse("protocol", now);
		// [MQTT-3.1.3-8]
		if (packet.clientId === "" && !packet.clean) return this.#refuse("identifier", now);
		const will = packet.will && { topic: packet.will.topic, payload: packet.will.payload as Uint8Array, qos: packet.will.qos ?? 0, retain: packet.will.retain ?? false };
		if (will && !isTopic(will.topic)) throw violation("will topic is none");
		const client: Client = {
			clientId: packet.clientId, identity: this.#identity, username: packet.username, password: packet.password,
			cleanStart: packet.clean ?? true, keepAlive: (packet.keepalive ?? 0) * 1000,
		};
		const admitted = this.#owner.admit(this, client, will, now);
		if (typeof admitted === "string") return this.#refuse(admitted, now);
		this.#client = client;
		this.#session = admitted.session;
		this.#will = will;
		this.#silence = client.keepAlive === 0 ? Infinity : client.keepAlive * KEEP_ALIVE_GRACE;
		this.#deadline = now + this.#silence;
		this.transmit({ cmd: "connack", returnCode: 0, sessionPresent: admitted.sessionPresent });
		admitted.session.attach(this);
	}

	#refuse(refusal: Refusal, now: number): void {
		this.transmit({ cmd: "connack", sessionPresent: false, ...REFUSAL_CODES[refusal] });
		this.close("refused", now);
	}

	#publish(session: Session, packet: IPublishPacket): void {
		if (!isTopic(packet.topic)) throw violation("PUBLISH to what is no topic");
		const { qos } = packet;
		if (qos < 2 || session.receive(packet.messageId!)) this.#route(packet);
		if (qos === 1) this.transmit({ cmd: "puback", messageId: packet.messageId! });
		if (qos === 2) this.transmit({ cmd: "pubrec", messageId: packet.messageId! });
	}

	/** What is not permitted is acknowledged and dropped: MQTT 3.1.1 has no negative acknowledgement (§3.3.5). */
	#route(packet: IPublishPacket): void {
		if (!this.#owner.permits(this.#client!, "publish", packet.topic)) return;
		const { topic, qos, retain } = packet;
		this.#owner.publish({ topic, qos, retain, payload: packet.payload as Uint8Array }, this.#client!);
	}

	#subscribe(session: Session, packet: ISubscribePacket): void {
		if (packet.subscriptions.some(({ topic }) => !isFilter(topic))) throw violation("SUBSCRIBE to what is no filter");
		const granted = packet.subscriptions.map(({ topic, qos }) => {
			if (!this.#owner.permits(this.#client!, "subscribe", topic)) return undefined;
			return this.#owner.subscribe(session, topic, qos);
		});
		this.transmit({ cmd: "suback", messageId: packet.messageId!, granted: granted.map(qos => qos ?? SUBSCRIBE_FAILURE) });
		for (const [index, { topic }] of packet.subscriptions.entries()) {
			const qos = granted[index];
			if (qos !== undefined) this.#owner.replay(session, topic, qos);
		}
	}

	#unsubscribe(session: Session, packet: IUnsubscribePacket): void {
		if (packet.unsubscriptions.some(filter => !isFilter(filter))) throw violation("UNSUBSCRIBE from what is no filter");
		for (const filter of packet.unsubscriptions) this.#owner.unsubscribe(session, filter);
		this.transmit({ cmd: "unsuback", messageId: packet.messageId!, granted: [] });
	}
}

function expected(known: boolean, packet: Packet): void {
	if (!known) throw violation(`${packet.cmd} that the message's state does not allow`);
}

function violation(message: string): DeviceError {
	return new DeviceError("violation", message);
}

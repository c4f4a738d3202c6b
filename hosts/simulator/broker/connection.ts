// SPDX-License-Identifier: Apache-2.0
/**
 * One network connection: how it begins and ends, and what goes over it. Thrown away when the network is lost.
 *
 * Pure: bytes and `now` come in as arguments, bytes go out through the peer it was opened with.
 * Whatever a client does wrong ends its own connection and nothing else: an MQTT 5 client is told why, one of 3.1.1 is not.
 * Spec: MQTT 3.1.1 §3.1, §3.2, §4.8; MQTT 5 §3.1, §3.2, §3.14, §3.15, §4.12, §4.13.
 */
import { DeviceError } from "../../../src/base/error.js";
import { OutgoingAliases } from "./aliases.js";
import { Authentication, isRefusal } from "./authentication.js";
import type { Caller, Client, Will } from "./client.js";
import { grantedExpiry, grantedProperties, readClient, readWill } from "./client.js";
import type { IAuthPacket, IConnectPacket, IDisconnectPacket, Incoming, IPublishPacket, Packet, ProtocolVersion } from "./codec.js";
import { Decoder, encode, toBuffer } from "./codec.js";
import type { Delivery } from "./message.js";
import { secondsLeft } from "./message.js";
import { Outbox } from "./outbox.js";
import type { ConnectionOwner, EndReason, Peer } from "./owner.js";
import { Pace } from "./pace.js";
import type { Properties } from "./properties.js";
import { unexplained } from "./properties.js";
import type { Refusal, RefusalDetail } from "./reasons.js";
import { disconnectCode, isClientDisconnect, noticeOf, REASON, refusalDetail, returnCode, violation } from "./reasons.js";
import { Requests } from "./requests.js";
import type { Link, Session } from "./session.js";

/** [MQTT-3.1.2-24] of 3.1.1, [MQTT-3.1.2-22] of 5 */
const KEEP_ALIVE_GRACE = 1.5;
/** Bytes that are held while the broker is silent, or while too many came; more and the connection ends. */
const HELD_MAXIMUM = 1024 * 1024;

export class Connection implements Link {
	readonly #owner: ConnectionOwner;
	readonly #peer: Peer;
	readonly #caller: Caller;
	readonly #decoder: Decoder;
	readonly #outbox: Outbox;
	#asked: (Incoming & { packet: IConnectPacket }) | undefined;
	#client: Client | undefined;
	#will: Will | undefined;
	#authentication: Authentication | undefined;
	#session: Session | undefined;
	#requests: Requests | undefined;
	#aliases = new OutgoingAliases(0);
	#writable = true;
	#closed = false;
	#silence = Infinity;
	readonly #pace: Pace;
	#quietUntil: number;

	/** @param caller what the transport knows of the client */
	constructor(owner: ConnectionOwner, peer: Peer, caller: Caller, now: number) {
		this.#owner = owner;
		this.#peer = peer;
		this.#caller = caller;
		this.#decoder = new Decoder(owner.limits.packetMaximum);
		this.#outbox = new Outbox(bytes => { if (!peer.send(bytes)) this.#writable = false; });
		this.#quietUntil = now + owner.limits.connectTimeout;
		this.#pace = new Pace(owner.limits);
	}

	/** Present from the moment that the CONNECT is accepted. */
	get client(): Client | undefined { return this.#session && this.#client; }
	get session(): Session | undefined { return this.#session; }
	/** To be published when the connection has ended. */
	get will(): Will | undefined { return this.#will; }
	/** When `expire` has something to do, or `Infinity`. */
	get deadline(): number {
		if (this.#closed || this.#isSilent) return Infinity;
		return Math.min(this.#quietUntil, this.#outbox.deadline, this.#pace.readyAt);
	}
	get writable(): boolean { return this.#writable && !this.#closed && !this.#isSilent && !this.#outbox.isFull; }
	get receiveMaximum(): number { return this.#client?.receiveMaximum ?? 0; }

	/** Takes bytes from the network; they are copied. */
	receive(bytes: Uint8Array, now: number): void {
		if (this.#closed) return;
		this.#owner.time.now = now;
		this.#decoder.receive(bytes);
		if (!this.#isSilent) this.#handleAll(now);
		if (this.#decoder.waiting <= HELD_MAXIMUM) return;
		if (this.#isSilent) this.close("lost", now);
		else if (!this.#pace.hasRoom(now)) this.close("violation", now, { reasonCode: REASON.quotaExceeded });
	}

	/** The network takes bytes again. */
	drained(now = this.#owner.time.now): void {
		this.#owner.time.now = now;
		this.#writable = true;
		this.#session?.flush();
	}

	/** The network is gone. */
	lost(now: number): void {
		this.close("lost", now);
	}

	/** Ends a connection whose client was silent for too long; sends what was delayed. */
	expire(now: number): void {
		if (this.#closed || this.#isSilent) return;
		if (this.#outbox.deadline <= now || this.#pace.readyAt <= now) {
			this.#pace.readyAt = Infinity;
			this.#outbox.flush(now);
			this.#handleAll(now);
			this.#session?.flush();
		}
		if (now >= this.#quietUntil) this.close("keep-alive", now);
	}

	/** Goes on after a silence of ours. */
	wake(now: number): void {
		if (this.#closed || this.#isSilent) return;
		this.#handleAll(now);
		this.#session?.flush();
	}

	/** @param detail what an MQTT 5 client is told; absent: what fits the reason */
	close(reason: EndReason, now: number, detail: RefusalDetail | undefined = noticeOf(reason)): void {
		if (this.#closed) return;
		if (detail && this.#session && this.#version === 5) {
			const { reasonCode, reasonString, serverReference } = detail;
			this.transmit({ cmd: "disconnect", reasonCode }, { reasonString, serverReference });
		}
		if (detail) this.#outbox.flush(Infinity);
		this.#closed = true;
		if (reason === "restart") this.#will = undefined;
		this.#peer.close();
		this.#owner.ended(this, reason, now, detail?.reasonCode);
	}

	transmit(packet: Packet, properties?: Properties, onSent?: () => void): void {
		if (this.#closed || this.#isSilent || this.#owner.faults.takeDrop(packet.cmd, this.#client?.clientId)) return;
		const bytes = this.#encode(packet, properties);
		if (bytes) this.#put(bytes, onSent);
	}

	takeTurn(hasWaited: boolean): boolean {
		const { now } = this.#owner.time;
		if (this.#pace.hasRoom(now) && this.#pace.take(hasWaited, now)) return true;
		this.#owner.due(this.#pace.readyAt);
		return false;
	}

	takeIncoming(): boolean { return this.#pace.take(false, this.#owner.time.now); }

	publish({ message, qos, retain, identifiers }: Delivery, packetId: number | undefined, duplicate: boolean): boolean {
		const { topic, alias } = this.#aliases.encode(message.topic);
		const packet: IPublishPacket = {
			cmd: "publish", topic, payload: toBuffer(message.payload), qos, retain, dup: duplicate,
			...(packetId === undefined ? {} : { messageId: packetId }),
		};
		const properties: Properties | undefined = this.#version === 4 ? undefined : {
			...message.properties, messageExpiryInterval: secondsLeft(message.expiresAt, this.#owner.time.now), topicAlias: alias,
			subscriptionIdentifier: identifiers.length > 0 ? identifiers : undefined,
		};
		const bytes = this.#encode(packet, properties);
		if (!bytes) return false;
		this.#aliases.keep(message.topic, alias);
		this.#put(bytes);
		if (!duplicate) this.#owner.delivered(message, this.#client!);
		if (packetId !== undefined && !duplicate && this.#owner.faults.takeDuplicate(this.#client!.clientId)) {
			this.#put(encode({ ...packet, dup: true }, this.#version, properties));
		}
		return true;
	}

	get #version(): ProtocolVersion { return this.#decoder.version ?? 4; }
	get #isSilent(): boolean { return this.#owner.faults.isSilent(this.#client?.clientId); }

	/** @returns `undefined` when the packet is larger than the client takes ([MQTT-3.1.2-24]) */
	#encode(packet: Packet, properties: Properties | undefined): Uint8Array | undefined {
		const { maximumPacketSize = Infinity, requestProblemInformation = true } = this.#client ?? {};
		const mayExplain = requestProblemInformation || packet.cmd === "connack" || packet.cmd === "disconnect";
		const bytes = encode(packet, this.#version, mayExplain ? properties : unexplained(properties));
		if (bytes.byteLength <= maximumPacketSize) return bytes;
		if (properties?.reasonString === undefined) return undefined;
		return this.#encode(packet, unexplained(properties));
	}

	#put(bytes: Uint8Array, onSent?: () => void): void {
		this.#pace.count(bytes.byteLength, this.#owner.time.now);
		this.#outbox.put(bytes, this.#owner.time.now, this.#owner.faults.delayOf(this.#client?.clientId), onSent);
		if (this.#outbox.deadline < Infinity) this.#owner.due(this.#outbox.deadline);
	}

	#handleAll(now: number): void {
		this.#requests?.begin();
		try {
			// A packet may end the connection, silence it or be one too many; what follows it is not looked at.
			while (!this.#closed && !this.#isSilent && this.#hasRoom(now)) {
				const { waiting } = this.#decoder;
				const incoming = this.#decoder.next();
				if (!incoming) return;
				this.#pace.count(waiting - this.#decoder.waiting, now);
				this.#handle(incoming, now);
				if (this.#session) this.#quietUntil = now + this.#silence;
			}
		} catch (error) {
			if (!(error instanceof DeviceError)) throw error;
			this.#fail(error, now);
		}
	}

	#hasRoom(now: number): boolean {
		if (this.#pace.hasRoom(now)) return true;
		this.#owner.due(this.#pace.readyAt);
		return false;
	}

	#fail(error: DeviceError, now: number): void {
		const { code, message } = error;
		if (code === "unsupported") return this.#refuse("protocol", now);
		if (code !== "malformed" && code !== "violation" && code !== "too-large") throw error;
		const explanation: RefusalDetail = { reasonCode: error.detail ?? noticeOf(code)!.reasonCode, reasonString: message };
		if (this.#version === 5 && !this.#session) this.#sendRefusal(explanation);
		this.close(code, now, explanation);
	}

	#handle(incoming: Incoming, now: number): void {
		const { packet } = incoming;
		if (packet.cmd === "connect") return this.#connect({ ...incoming, packet }, now);
		if (packet.cmd === "auth") return this.#continue(packet, incoming.properties, now);
		if (packet.cmd === "disconnect") return this.#disconnect(packet, incoming.properties, now);
		// [MQTT-3.1.0-1]; with extended authentication nothing else comes before CONNACK ([MQTT-3.1.2-30]).
		if (!this.#requests) throw violation(`${packet.cmd} before the connection is accepted`);
		this.#requests.handle(incoming, now);
	}

	#connect(asked: Incoming & { packet: IConnectPacket }, now: number): void {
		if (this.#asked) throw violation("second CONNECT");
		const { packet, properties } = asked;
		this.#asked = asked;
		// [MQTT-3.1.3-8] of 3.1.1
		if (this.#version === 4 && packet.clientId === "" && !packet.clean) return this.#refuse("identifier", now);
		this.#client = readClient(asked, this.#caller, this.#owner.limits);
		this.#will = readWill(asked, this.#owner.limits);
		const refusal = this.#owner.faults.takeRefusal(packet.clientId);
		if (refusal) return this.#refuse(refusal, now);
		const { authenticationMethod } = this.#client;
		if (authenticationMethod === undefined) return this.#admit(undefined, now);
		this.#startAuthentication(authenticationMethod, properties.authenticationData, now);
	}

	#admit(authenticationData: Uint8Array | undefined, now: number): void {
		const client = this.#client!;
		const admitted = this.#owner.admit(this, client, this.#will, now);
		if (isRefusal(admitted)) return this.#refuse(admitted, now);
		this.#session = admitted.session;
		this.#requests = new Requests(this.#owner, this, client, admitted.session);
		this.#aliases = new OutgoingAliases(Math.min(client.topicAliasMaximum, this.#owner.limits.outgoingAliasMaximum));
		this.#silence = client.keepAlive === 0 ? Infinity : client.keepAlive * KEEP_ALIVE_GRACE;
		this.#quietUntil = now + this.#silence;
		this.transmit({ cmd: "connack", returnCode: 0, reasonCode: REASON.success, sessionPresent: admitted.sessionPresent }, {
			...grantedProperties(this.#asked!, client, this.#owner.limits), responseInformation: admitted.responseInformation,
			authenticationMethod: client.authenticationMethod, authenticationData,
		});
		admitted.session.attach(this);
	}

	/** Before CONNACK that is the answer; later, when authentication fails, the connection ends ([MQTT-4.12.1-2]). */
	#refuse(refusal: Refusal | RefusalDetail, now: number): void {
		const detail = refusalDetail(refusal);
		if (!this.#session) this.#sendRefusal(detail);
		this.close("refused", now, { ...detail, reasonCode: disconnectCode(detail.reasonCode) });
	}

	#sendRefusal({ reasonCode, reasonString, serverReference }: RefusalDetail): void {
		this.transmit({ cmd: "connack", sessionPresent: false, reasonCode, returnCode: returnCode(reasonCode) }, { reasonString, serverReference });
	}

	/** Spec: MQTT 5 §4.12. */
	#startAuthentication(method: string, data: Uint8Array | undefined, now: number): void {
		const authenticator = this.#owner.authenticator(this.#client!, method);
		if (!authenticator) return this.#refuse({ reasonCode: REASON.badAuthenticationMethod }, now);
		this.#authentication = new Authentication(authenticator);
		this.#authenticate(this.#authentication, data, now);
	}

	#continue(packet: IAuthPacket, properties: Properties, now: number): void {
		const method = this.#client?.authenticationMethod;
		if (method === undefined || properties.authenticationMethod !== method) throw violation("AUTH with another method than CONNECT");
		if (packet.reasonCode === REASON.reauthenticate && this.#session) this.#startAuthentication(method, properties.authenticationData, now);
		else if (packet.reasonCode === REASON.continueAuthentication && this.#authentication) this.#authenticate(this.#authentication, properties.authenticationData, now);
		else throw violation(`AUTH with reason code ${packet.reasonCode} out of order`);
	}

	#authenticate(authentication: Authentication, data: Uint8Array | undefined, now: number): void {
		const next = authentication.respond(data);
		if (isRefusal(next)) return this.#refuse(next, now);
		const isDone = next.step === "accept";
		if (isDone) this.#authentication = undefined;
		if (isDone && !this.#session) return this.#admit(next.data, now);
		this.transmit({ cmd: "auth", reasonCode: isDone ? REASON.success : REASON.continueAuthentication }, {
			authenticationMethod: this.#client!.authenticationMethod, authenticationData: next.data,
		});
	}

	#disconnect({ reasonCode = REASON.success }: IDisconnectPacket, { sessionExpiryInterval }: Properties, now: number): void {
		if (!this.#asked) throw violation("DISCONNECT before CONNECT");
		if (!isClientDisconnect(reasonCode)) throw violation(`DISCONNECT with reason code ${reasonCode} from a client`);
		if (sessionExpiryInterval !== undefined && this.#session) {
			// [MQTT-3.14.2-2] and §3.14.2.2.2: a session that was to end with the connection cannot be kept now.
			if (this.#client!.sessionExpiry === 0 && sessionExpiryInterval > 0) throw violation("session expiry was 0");
			this.#session.expiry = grantedExpiry(sessionExpiryInterval, this.#owner.limits);
		}
		// [MQTT-3.14.4-3]
		if (reasonCode === REASON.success) this.#will = undefined;
		this.close("disconnect", now);
	}
}

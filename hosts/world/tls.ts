// SPDX-License-Identifier: Apache-2.0
/**
 * Modelled TLS: a handshake over a real stream of the world, then the stream as it is.
 *
 * The messages of TLS 1.2 in their order, as JSON behind a length, so that loss, split reads, power
 * cuts and foreign bytes meet a handshake where they would meet the real one, and it costs its round
 * trips. Nothing is encrypted. What is checked: chain, dates, host name, possession of the key, both ways.
 * 1.2 and not 1.3, because that is what the device has: its client learns of a refused certificate
 * before it is told that it is connected.
 */
import { DeviceError } from "../../src/base/error.js";
import type { Stream, StreamCallbacks, TLSOptions } from "../../src/host.js";
import { checkBytes, isAddress } from "./address.js";
import { decodeCertificate, isFor, keyIdOf, verifyChain, type Certificate, type Refusal } from "./certificate.js";
import type { Incoming, Peer } from "./listener.js";
import type { Network } from "./network.js";
import { SecureStream, type Handshake, type Message, type Wire } from "./secure.js";
import type { Party } from "./party.js";
import { checkStreamOptions, dial, TCPStream } from "./tcp.js";

const HANDSHAKE_FAILURE = 40, BAD_CERTIFICATE = 42, UNEXPECTED_MESSAGE = 10, DECRYPT_ERROR = 51, NO_APPLICATION_PROTOCOL = 120;

/** What a server presents and demands. */
export interface ServerSecureOptions {
	/** Leaf first. */
	certificates: readonly Uint8Array[];
	key: Uint8Array;
	/** Anchors of client certificates; absent: clients are not asked for one. */
	clientAuthorities?: readonly Uint8Array[] | undefined;
	/** Whether a client without certificate is let in all the same. Default false. */
	clientOptional?: boolean | undefined;
	protocols?: readonly string[] | undefined;
}

class ClientHandshake implements Handshake {
	readonly peer: Partial<Peer> = {};
	readonly #network: Network;
	readonly #host: string;
	readonly #anchors: readonly Certificate[];
	readonly #chain: readonly Certificate[];
	readonly #keyId: string | undefined;
	readonly #protocols: readonly string[];
	#verified = false;

	/** @throws DeviceError `argument` */
	constructor(network: Network, options: TLSOptions) {
		const { host, secure } = options;
		if (typeof host !== "string" || host === "") throw new DeviceError("argument", "host must be a name");
		if (typeof secure !== "object" || !Array.isArray(secure.certificates)) throw new DeviceError("argument", "secure.certificates is missing");
		const { certificates, clientCertificates = [], clientKey, applicationLayerProtocolNegotiation: protocols = [] } = secure;
		if (certificates.length === 0) throw new DeviceError("argument", "secure.certificates must hold at least one trust anchor");
		if (protocols.some(protocol => typeof protocol !== "string" || protocol === "")) throw new DeviceError("argument", "a protocol must have a name");
		this.#network = network;
		this.#host = host;
		this.#anchors = decodeAll("secure.certificates", certificates);
		this.#chain = decodeAll("secure.clientCertificates", clientCertificates);
		if (this.#chain.length > 0) {
			checkBytes("secure.clientKey", clientKey);
			this.#keyId = keyIdOf(clientKey!);
			if (this.#keyId !== this.#chain[0]!.keyId) throw new DeviceError("argument", "secure.clientKey is not the key of secure.clientCertificates");
		}
		this.#protocols = [...protocols];
	}

	begin(wire: Wire): void {
		wire.send({ type: "hello", serverName: isAddress(this.#host) ? undefined : this.#host, protocols: this.#protocols });
	}

	receive(wire: Wire, message: Message): void {
		if (message.type === "finished" && this.#verified) return wire.finish();
		if (message.type !== "server") return wire.refuse({ alert: UNEXPECTED_MESSAGE, reason: "the server answered out of order" });
		const { chain } = message, leaf = chain[0];
		let wrong = verifyChain(chain, this.#anchors, this.#network.clock.wall, "server");
		if (wrong === undefined && !isFor(leaf!, this.#host)) wrong = { alert: BAD_CERTIFICATE, reason: `the certificate is not for ${this.#host}` };
		if (wrong === undefined && leaf!.keyId !== message.keyId) wrong = { alert: DECRYPT_ERROR, reason: "the server does not have its key" };
		if (wrong !== undefined) return wire.refuse(wrong);
		this.#verified = true;
		wire.send({ type: "client", chain: message.asks ? this.#chain : [], keyId: this.#keyId });
	}
}

class ServerHandshake implements Handshake {
	readonly peer: { serverName?: string | undefined; certificate?: Certificate; protocol?: string } = {};
	readonly #network: Network;
	readonly #options: ServerSecureOptions;
	readonly #chain: readonly Certificate[];
	readonly #keyId: string;
	readonly #authorities: readonly Certificate[] | undefined;

	constructor(network: Network, options: ServerSecureOptions, chain: readonly Certificate[], authorities: readonly Certificate[] | undefined) {
		this.#network = network;
		this.#options = options;
		this.#chain = chain;
		this.#keyId = keyIdOf(options.key);
		this.#authorities = authorities;
	}

	begin(): void {}

	receive(wire: Wire, message: Message): void {
		if (message.type === "hello") {
			this.peer.serverName = message.serverName;
			return this.#hello(wire, message.protocols);
		}
		if (message.type !== "client") return wire.refuse({ alert: UNEXPECTED_MESSAGE, reason: "the client answered out of order" });
		const wrong = this.#checkClient(message.chain, message.keyId);
		if (wrong !== undefined) return wire.refuse(wrong);
		const leaf = message.chain[0];
		if (leaf !== undefined) this.peer.certificate = leaf;
		wire.send({ type: "finished" });
		wire.finish();
	}

	#hello(wire: Wire, offered: readonly string[]): void {
		const { protocols } = this.#options;
		if (protocols !== undefined && offered.length > 0) {
			const protocol = protocols.find(name => offered.includes(name));
			if (protocol === undefined) return wire.refuse({ alert: NO_APPLICATION_PROTOCOL, reason: "no common application protocol" });
			this.peer.protocol = protocol;
		}
		wire.send({ type: "server", chain: this.#chain, keyId: this.#keyId, asks: this.#authorities !== undefined });
	}

	#checkClient(chain: readonly Certificate[], keyId: string | undefined): Refusal | undefined {
		if (this.#authorities === undefined) return undefined;
		if (chain.length === 0) {
			return this.#options.clientOptional === true ? undefined : { alert: HANDSHAKE_FAILURE, reason: "the client has no certificate" };
		}
		const { clock } = this.#network;
		// A server knows the date: where the world's wall clock is unset, it is the devices that lack it.
		const wrong = verifyChain(chain, this.#authorities, clock.wall ?? chain[0]!.notBefore, "client");
		if (wrong === undefined && chain[0]!.keyId !== keyId) return { alert: DECRYPT_ERROR, reason: "the client does not have its key" };
		return wrong;
	}
}

/** The `host.tls.io` of one party. */
export function tlsClass(network: Network, party: Party): new (options: TLSOptions) => Stream {
	return class TLS extends SecureStream {
		constructor(options: TLSOptions) {
			party.check();
			checkStreamOptions(options);
			const handshake = new ClientHandshake(network, options), { address, port } = options;
			super(network, party, handshake, options, callbacks => {
				const stream = new TCPStream(network, party, callbacks);
				dial(network, stream, address, port);
				return stream;
			});
		}
	};
}

/** `onConnection` behind a handshake: for `Network.listen`. */
export function listenSecurely(
	network: Network, options: ServerSecureOptions, onConnection: (incoming: Incoming) => void,
): (incoming: Incoming) => void {
	const chain = decodeAll("tls.certificates", options.certificates);
	const authorities = options.clientAuthorities === undefined ? undefined : decodeAll("tls.clientAuthorities", options.clientAuthorities);
	if (chain[0]?.keyId !== keyIdOf(options.key)) throw new DeviceError("argument", "tls.key is not the key of tls.certificates");
	return incoming => {
		const handshake = new ServerHandshake(network, options, chain, authorities);
		const stream: SecureStream = new SecureStream(network, incoming.party, handshake, {
			onWritable() {
				let taken = false;
				onConnection({
					party: incoming.party,
					peer: { ...incoming.peer, ...handshake.peer },
					accept(callbacks: StreamCallbacks) {
						taken = true;
						stream.adopt(callbacks);
						return stream;
					},
				});
				if (!taken) stream.close();
			},
		}, callbacks => incoming.accept(callbacks));
	};
}

function decodeAll(name: string, list: readonly Uint8Array[]): Certificate[] {
	return list.map(bytes => {
		checkBytes(name, bytes);
		try {
			return decodeCertificate(bytes);
		} catch (error) {
			throw new DeviceError("argument", `${name} holds what is no certificate`, { cause: error });
		}
	});
}

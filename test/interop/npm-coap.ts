// SPDX-License-Identifier: Apache-2.0
/**
 * The server that the CoAP plug tests ask for, on the npm package `coap`, and what passes between it and its client, as
 * the npm package `coap-packet` reads it.
 *
 * What `coap` cannot is asked of libcoap: it wants one token for all blocks of a body that is sent to it, which nobody
 * promises, it cannot notify bodies of several blocks, and notifications that are not confirmable go out as
 * acknowledgements. It takes pings for requests, and the option for a first block of 16 bytes, which has no bytes, for none. Its errors for observers have the Observe option, as well.
 */
import { createServer, type IncomingMessage, type ObserveWriteStream, type OutgoingMessage } from "coap";
import { parse, type ParsedPacket } from "coap-packet";
import { createSocket } from "node:dgram";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { DatagramRelay, type Direction } from "./datagram-relay.js";
import { Inbox } from "./inbox.js";

/** Longer than the server waits before it acknowledges a request that is not answered yet. */
const SEPARATE = 150;
export const LARGE = Buffer.from(Array.from({ length: 60 }, (_, line) => `${String(line).padStart(2, "0")} of a representation of several blocks\n`).join(""));

export interface Seen { direction: Direction; packet: ParsedPacket }

/** The values of the options of that name. */
export function optionsOf({ options }: ParsedPacket, name: string): Buffer[] {
	return (options ?? []).filter(option => option.name === name).map(({ value }) => value as Buffer);
}

export class PlugtestServer {
	readonly #seen = new Inbox<Seen>();
	/** All of it, in order. */
	readonly transcript: Seen[] = [];
	/** Decides what is lost between the client and the server. */
	isLost: (seen: Seen) => boolean = () => false;
	/** What /obs is, with its content format. */
	readonly observed = { value: "0", format: "text/plain", maxAge: 60, exists: true };
	readonly #observers = new Set<ObserveWriteStream>();
	readonly #values = new Map<string, Buffer>([["/test", Buffer.from("a test")], ["/validate", Buffer.from("first")]]);
	#created = 0;
	relay!: DatagramRelay;

	static async start(context: TestContext): Promise<PlugtestServer> {
		const plugtest = new PlugtestServer();
		const socket = createSocket("udp4");
		await new Promise<void>(resolve => { socket.bind(0, "127.0.0.1", resolve); });
		const server = createServer((request, response) => { plugtest.#answer(request, response); });
		server.listen(socket as unknown as number);
		context.after(() => {
			for (const observer of plugtest.#observers) observer.end();
			server.close();
			socket.close();
		});
		plugtest.relay = await DatagramRelay.lay(context, (socket.address() as AddressInfo).port);
		plugtest.relay.copies = (direction, _, bytes) => {
			const seen: Seen = { direction, packet: parse(bytes) };
			plugtest.transcript.push(seen);
			plugtest.#seen.put(seen);
			return plugtest.isLost(seen) ? 0 : 1;
		};
		return plugtest;
	}

	/** The next message that passes and is like this. */
	async sees(isIt: (seen: Seen) => boolean): Promise<Seen> {
		for (;;) {
			const seen = await this.#seen.next();
			if (isIt(seen)) return seen;
		}
	}

	/** What has passed so far and nobody waited for. */
	forget(): void {
		this.#seen.rest();
		this.transcript.length = 0;
	}

	/** Tells all observers of /obs. */
	notify(value: string): void {
		this.observed.value = value;
		for (const observer of this.#observers) this.#tell(observer);
	}

	/** The observers' last notification is an error. */
	endObservations(code: string): void {
		for (const observer of this.#observers) {
			observer.statusCode = code;
			observer.write(Buffer.alloc(0));
			observer.end();
		}
		this.#observers.clear();
	}

	#tell(observer: ObserveWriteStream): void {
		observer.setOption("Content-Format", this.observed.format);
		observer.setOption("Max-Age", this.observed.maxAge);
		observer.write(Buffer.from(this.observed.value));
	}

	#answer(request: IncomingMessage, response: OutgoingMessage | ObserveWriteStream): void {
		const [path = "", query = ""] = request.url.split("?");
		const say = (code: string, payload?: Buffer | string) => {
			response.statusCode = code;
			response.end(payload === undefined ? undefined : Buffer.from(payload as Buffer));
		};
		// As it came: of its own, `coap` has turned the options' values into other things.
		const { packet } = this.transcript.filter(({ direction, packet }) => direction === "up" && packet.messageId === request._packet.messageId).at(-1)!;
		// A ping: `coap` takes it for a request.
		if (packet.code === "0.00") return void (response as OutgoingMessage).reset();
		switch (path) {
			case "/test": return this.#test(request, response as OutgoingMessage, say);
			case "/separate": return void setTimeout(() => { say("2.05", "separate"); }, SEPARATE);
			case "/seg1/seg2/seg3": return say("2.05", "three segments");
			case "/query": return say("2.05", query);
			case "/location-query":
				response.setOption("Location-Query", [Buffer.from("first=1"), Buffer.from("second=2")]);
				return say("2.01");
			case "/multi-format": {
				const accept = optionsOf(packet, "Accept")[0];
				if (accept !== undefined && accept.byteLength > 1) return say("4.06");
				const isXML = accept?.[0] === 41;
				response.setOption("Content-Format", isXML ? "application/xml" : "text/plain");
				return say("2.05", isXML ? "<text/>" : "text");
			}
			case "/validate": return this.#validate(packet, response as OutgoingMessage, say);
			case "/create1": {
				const isNew = !this.#values.has(path);
				if (optionsOf(packet, "If-None-Match").length > 0 && !isNew) return say("4.12");
				this.#values.set(path, request.payload);
				return say(isNew ? "2.01" : "2.04");
			}
			case "/large": return say("2.05", LARGE);
			case "/obs": return this.#obs(request, response, say);
			default: return say("4.04");
		}
	}

	#test(request: IncomingMessage, response: OutgoingMessage, say: (code: string, payload?: Buffer) => void): void {
		const value = this.#values.get("/test");
		switch (request.method) {
			case "GET": return value === undefined ? say("4.04") : say("2.05", value);
			case "DELETE":
				this.#values.delete("/test");
				return say("2.02");
			case "PUT":
				this.#values.set("/test", request.payload);
				return say(value === undefined ? "2.01" : "2.04");
			default:
				response.setOption("Location-Path", ["test", "created", String(++this.#created)].map(segment => Buffer.from(segment)));
				return say("2.01");
		}
	}

	#validate(packet: ParsedPacket, response: OutgoingMessage, say: (code: string, payload?: Buffer) => void): void {
		const value = this.#values.get("/validate")!;
		const tag = (of: Buffer) => Buffer.from([of.byteLength, of[0] ?? 0, of.at(-1) ?? 0]);
		if (packet.code === "0.03") {
			const wanted = optionsOf(packet, "If-Match");
			if (wanted.length > 0 && !wanted.some(one => one.equals(tag(value)))) return say("4.12");
			this.#values.set("/validate", packet.payload);
			return say("2.04");
		}
		response.setOption("ETag", tag(value));
		if (optionsOf(packet, "ETag").some(one => one.equals(tag(value)))) return say("2.03");
		say("2.05", value);
	}

	#obs(request: IncomingMessage, response: OutgoingMessage | ObserveWriteStream, say: (code: string, payload?: Buffer | string) => void): void {
		if (request.method === "PUT") {
			say("2.04");
			return this.notify(request.payload.toString());
		}
		if (request.method === "DELETE") {
			this.observed.exists = false;
			say("2.02");
			return this.endObservations("4.04");
		}
		if (request.headers.Observe === 0) {
			const observer = response as ObserveWriteStream;
			this.#observers.add(observer);
			observer.on("finish", () => { this.#observers.delete(observer); });
			return this.#tell(observer);
		}
		if (Number(request.headers.Observe) === 1) {
			// One client, one observation.
			for (const observer of this.#observers) observer.end();
			this.#observers.clear();
		}
		if (!this.observed.exists) return say("4.04");
		response.setOption("Content-Format", this.observed.format);
		say("2.05", this.observed.value);
	}
}

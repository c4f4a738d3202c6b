// SPDX-License-Identifier: Apache-2.0
/**
 * The private cloud over CoAP: requests become the messages that the services know from brokers, and what the services
 * say becomes answers and notifications.
 *
 * So the same services serve both, and there is one place where things are decided. `docs/private-cloud.md` has the
 * resources. Pure; services answer before `publish` returns.
 */
import { ContentFormat } from "../../../src/coap/constants.js";
import { OPERATOR_ID } from "../backend.js";
import { isTopic, matches } from "../broker/topics.js";
import type { CloudChannel } from "../channel.js";
import type { CoAPPeer, CoAPReply, CoAPRequest } from "../coap/server.js";
import type { CommandRequest } from "../services/commands.js";
import { timesOf } from "../services/document.js";
import { decode, formatOf } from "../services/formats.js";
import type { JsonObject } from "../services/json.js";
import { deltaOf, encodeJson, isObject } from "../services/json.js";
import { isDeviceId, type Registry } from "../services/registry.js";
import { Rejection, type RejectionCode } from "../services/rejection.js";
import { member, readMessage } from "../services/request.js";
import { isReadable, refused, said } from "./replies.js";
import { Sessions } from "./sessions.js";

export interface GatewayOptions {
	registry: Registry;
	/** Monotonic ms. */
	now: () => number;
	/** What a device's queue of jobs begins with. */
	head(device: string): object | undefined;
	/** Commands of which a device has said nothing yet, and those that are to end. */
	pending(device: string): readonly CommandRequest[];
	canceled(device: string): readonly object[];
	/** A file, and its version. @throws Rejection */
	file(device: string, name: string, file: number): { readonly bytes: Uint8Array; readonly version: number };
	/** Takes what a device tells of itself. @throws Rejection */
	report(device: string, kind: string, body: Uint8Array): void;
	/** Told of what a device says, and of what it is answered with. */
	onMessage(device: string, sent: boolean, path: string, payload: Uint8Array): void;
	/** A message of a device's own program, for whoever subscribed to it. */
	forward(topic: string, payload: Uint8Array, options: { qos: 0 | 1; retain: boolean }): void;
	/** Has observers of the requests that match asked again. */
	notify(match: (request: CoAPRequest) => boolean): void;
}

/** Bytes of a request's message; services have limits of their own. */
const MESSAGE_MAXIMUM = 64 * 1024;
/** Seconds until observers ask again by themselves, should a notification have been lost for good. */
const MAX_AGE = 300;
/** Shadows that are observed, or were; changes of further ones are found when observers ask again. */
const TOLD_MAXIMUM = 100_000;
/** Below these nothing is the program's own. */
const SERVICES: readonly string[] = Object.freeze(["status", "shadow", "jobs", "files", "commands", "reports"]);

/** A message that was passed on, and what it was answered with. */
interface Asked {
	readonly token: string;
	verb: string | undefined;
	message: JsonObject;
}

/** A request to this device, and what follows its id in the path. */
interface Routed {
	readonly request: CoAPRequest;
	readonly id: string;
	readonly rest: readonly string[];
}

export class Gateway implements CloudChannel {
	readonly sessions: Sessions;
	readonly #options: GatewayOptions;
	readonly #subscriptions: { filter: string; onMessage: (topic: string, payload: Uint8Array, retain: boolean) => void }[] = [];
	#count = 0;
	#asked: Asked | undefined;
	/** What observers of a shadow were told last, by its path. */
	readonly #told = new Map<string, string>();

	constructor(options: GatewayOptions) {
		this.#options = options;
		this.sessions = new Sessions(options.now, id => { options.registry.setOnline(id, false); });
	}

	/** What a service says to a device. */
	publish(topic: string, payload: Uint8Array, { retain = false }: { qos?: 0 | 1 | 2; retain?: boolean } = {}): void {
		const [, id = "", ...rest] = topic.split("/"), verb = rest.pop()!;
		const decoded = payload.byteLength === 0 ? undefined : decode(formatOf(payload), payload);
		const message = isObject(decoded) ? decoded : {};
		const asked = this.#asked;
		// Commands are known by their ids, everything else by its token.
		if (!retain && asked !== undefined && !isOrder(rest.join("/"), verb) && (member(message, "token") ?? member(message, "id")) === asked.token) {
			asked.verb = verb;
			delete message["token"];
			asked.message = message;
		} else {
			this.#hint(id, rest, verb);
		}
	}

	/** For services. */
	subscribe(filter: string, onMessage: (topic: string, payload: Uint8Array, retain: boolean) => void): void {
		this.#subscriptions.push({ filter, onMessage });
	}

	/** A request, as the server has it. */
	handle(request: CoAPRequest, reply: (reply: CoAPReply) => void): void {
		try {
			reply(this.#answer(request));
		} catch (error) {
			if (!(error instanceof Rejection)) throw error;
			reply(refused(request, error.code, { message: error.message, ...error.members }));
		}
	}

	/** @throws Rejection */
	#answer(request: CoAPRequest): CoAPReply {
		const [root, id, ...rest] = request.path, { registry } = this.#options;
		if (root !== "moorline" || id === undefined || rest.length === 0 || !isDeviceId(id)) return { code: "4.04" };
		if (!isAllowed(request.peer, id)) return { code: "4.03" };
		if (!registry.hasRoomFor(id)) return { code: "5.03" };
		if (!isReadable(request) && SERVICES.includes(rest[0]!) && !isReply(rest)) return { code: "4.15" };
		this.sessions.heard(id, request.peer);
		this.#tell(request, id, true, request.payload);
		const reply = this.#route({ request, id, rest });
		if (request.method !== "GET") registry.countMessage(id);
		this.#tell(request, id, false, reply.payload);
		return reply;
	}

	/** Of what has a body. A file is asked for anew with each of its blocks, and is no message. */
	#tell({ path }: CoAPRequest, id: string, sent: boolean, payload: Uint8Array | undefined): void {
		if (payload !== undefined && payload.byteLength > 0 && path[2] !== "files") this.#options.onMessage(id, sent, path.join("/"), payload);
	}

	/** @throws Rejection */
	#route(routed: Routed): CoAPReply {
		switch (routed.rest[0]) {
			case "status": return this.#status(routed);
			case "shadow": return this.#shadow(routed);
			case "jobs": return this.#jobs(routed);
			case "files": return this.#file(routed);
			case "commands": return this.#commands(routed);
			case "reports": return this.#report(routed);
			default: return this.#forward(routed);
		}
	}

	#status({ request, id, rest }: Routed): CoAPReply {
		if (rest.length > 1) return { code: "4.04" };
		if (request.method !== "POST") return { code: "4.05" };
		const status = readMessage(request.payload, MESSAGE_MAXIMUM), keepAlive = member(status, "keepAlive");
		this.#dispatch(`moorline/${id}/status`, encodeJson(status));
		if (member(status, "online") !== true) {
			this.sessions.end(id);
			return { code: "2.04" };
		}
		const isNew = this.sessions.begin(id, request.peer, typeof keepAlive === "number" ? 1000 * keepAlive : Infinity);
		return { code: isNew ? "2.01" : "2.04" };
	}

	#shadow({ request, id, rest }: Routed): CoAPReply {
		const [, second, name, ...more] = rest[1] === "name" ? rest : [rest[0], "", "", ...rest.slice(1)];
		if (name === undefined || more.length > 1 || more.length === 1 && more[0] !== "delta") return { code: "4.04" };
		const place = second === "" ? "shadow" : `shadow/name/${name}`;
		if (more.length === 1) return request.method === "GET" ? this.#delta(request, id, place) : { code: "4.05" };
		switch (request.method) {
			case "GET": return said(request, "2.05", this.#ask(id, `${place}/get`, {}));
			case "iPATCH": return said(request, "2.04", this.#ask(id, `${place}/report`, readMessage(request.payload, MESSAGE_MAXIMUM)));
			case "DELETE": return said(request, "2.02", this.#ask(id, `${place}/delete`, {}));
			default: return { code: "4.05" };
		}
	}

	#delta(request: CoAPRequest, id: string, place: string): CoAPReply {
		const delta = this.#difference(id, place), path = `${id}/${place}`;
		if (request.observe === 0 && !this.#told.has(path) && this.#told.size < TOLD_MAXIMUM) this.#told.set(path, keyOf(delta));
		return said(request, "2.05", delta, { observable: true, maxAge: MAX_AGE });
	}

	/** @throws Rejection */
	#difference(id: string, place: string): JsonObject {
		const { version, desired, reported, metadata } = this.#ask(id, `${place}/get`, {}) as { [name: string]: JsonObject };
		const delta = deltaOf(desired!, reported!);
		const isDeleted = Object.keys(desired!).length + Object.keys(reported!).length === 0 && Number(version) > 0;
		return {
			version: version!, delta,
			...(metadata === undefined ? {} : { metadata: timesOf(metadata, delta) }),
			...(isDeleted ? { deleted: true } : {}),
		};
	}

	#jobs({ request, id, rest: [, operation, ...more] }: Routed): CoAPReply {
		if (more.length > 0) return { code: "4.04" };
		if (operation === undefined) {
			if (request.method !== "GET") return { code: "4.05" };
			return said(request, "2.05", { job: this.#options.head(id) }, { observable: true, maxAge: MAX_AGE });
		}
		if (operation !== "next" && operation !== "update") return { code: "4.04" };
		if (request.method !== "POST") return { code: "4.05" };
		const message = request.payload.byteLength === 0 ? {} : readMessage(request.payload, MESSAGE_MAXIMUM);
		return said(request, "2.04", this.#ask(id, `jobs/${operation}`, message));
	}

	#file({ request, id, rest: [, name, number = "0", ...more] }: Routed): CoAPReply {
		if (name === undefined || more.length > 0 || !/^\d{1,3}$/.test(number)) return { code: "4.04" };
		if (request.method !== "GET") return { code: "4.05" };
		const { bytes, version } = this.#options.file(id, name, Number(number));
		const etag = new Uint8Array(8);
		new DataView(etag.buffer).setFloat64(0, version);
		return { code: "2.05", payload: bytes, contentFormat: 42, etag };
	}

	#commands({ request, id, rest: [, operation, ...more] }: Routed): CoAPReply {
		if (more.length !== (operation === "reply" ? 2 : 0) || operation !== undefined && operation !== "response" && operation !== "reply") return { code: "4.04" };
		if (operation === undefined) {
			if (request.method !== "GET") return { code: "4.05" };
			const commands = this.#options.pending(id), canceled = this.#options.canceled(id);
			return said(request, "2.05", { commands, ...(canceled.length === 0 ? {} : { canceled }) }, { observable: true, maxAge: MAX_AGE });
		}
		if (request.method !== "POST") return { code: "4.05" };
		if (operation === "reply") return said(request, "2.04", this.#ask(id, `commands/reply/${more.join("/")}`, request.payload, more[0]!));
		const message = readMessage(request.payload, MESSAGE_MAXIMUM), command = member(message, "id");
		if (typeof command !== "string") throw new Rejection(400, "id is not a string");
		return said(request, "2.04", this.#ask(id, "commands/response", message, command));
	}

	#report({ request, id, rest: [, kind, ...more] }: Routed): CoAPReply {
		if (kind === undefined || more.length > 0) return { code: "4.04" };
		if (request.method !== "POST") return { code: "4.05" };
		if (request.contentFormat !== ContentFormat.CBOR) return { code: "4.15" };
		this.#options.report(id, kind, request.payload);
		return { code: "2.04" };
	}

	#forward({ request, rest }: Routed): CoAPReply {
		const topic = request.path.join("/");
		if (request.method === "GET") return { code: "4.04" };
		if (request.method !== "POST" && request.method !== "PUT") return { code: "4.05" };
		if (!isTopic(topic) || rest.some(level => level.includes("/") || level.includes("\0"))) return { code: "4.00" };
		this.#options.forward(topic, request.payload, { qos: request.confirmable ? 1 : 0, retain: request.method === "PUT" });
		return { code: "2.04" };
	}

	/**
	 * Passes a message on to the service that knows it.
	 * @param token that the answer bears
	 * @returns what it is answered with
	 * @throws Rejection
	 */
	#ask(id: string, topic: string, message: JsonObject | Uint8Array, token = `coap-${++this.#count}`): JsonObject {
		const asked: Asked = { token, verb: undefined, message: {} };
		this.#asked = asked;
		try {
			this.#dispatch(`moorline/${id}/${topic}`, message instanceof Uint8Array ? message : encodeJson({ ...message, token }));
		} finally {
			this.#asked = undefined;
		}
		if (asked.verb === undefined) throw new Rejection(500, "nobody serves this");
		if (asked.verb !== "rejected") return asked.message;
		const { code, message: text, ...members } = asked.message;
		throw new Rejection(code as RejectionCode, String(text), members);
	}

	#dispatch(topic: string, payload: Uint8Array): void {
		for (const { filter, onMessage } of this.#subscriptions) if (matches(filter, topic)) onMessage(topic, payload, false);
	}

	/** Something of a service's has changed. */
	#hint(id: string, rest: readonly string[], verb: string): void {
		const place = rest.join("/"), path = `${id}/${place}`;
		if (rest[0] === "shadow") {
			const known = this.#told.get(path);
			if (known === undefined) return;
			const asked = this.#asked;
			const key = keyOf(this.#difference(id, place));
			this.#asked = asked;
			if (key === known) return;
			this.#told.set(path, key);
			this.#notify(["moorline", id, ...rest, "delta"]);
		} else if (place === "jobs" && verb === "job" || isOrder(place, verb)) {
			this.#notify(["moorline", id, place]);
		}
	}

	#notify(path: readonly string[]): void {
		this.#options.notify(request => request.path.length === path.length && request.path.every((segment, index) => segment === path[index]));
	}
}

/** What a device is asked without having asked. */
function isOrder(place: string, verb: string): boolean {
	return place === "commands" && (verb === "request" || verb === "cancel");
}

/** Parts of a reply are bytes of any kind. */
function isReply([service, operation]: readonly string[]): boolean {
	return service === "commands" && operation === "reply";
}

/** Who has proved to be somebody speaks for that device and for no other; who has not is believed. */
function isAllowed({ identity }: CoAPPeer, id: string): boolean {
	return identity === undefined || identity === id || identity === OPERATOR_ID;
}

/** What observers would be told, but for the version: it changes with what they report themselves, too. */
function keyOf({ delta, deleted = false }: JsonObject): string {
	return JSON.stringify([delta, deleted]);
}

// SPDX-License-Identifier: Apache-2.0
/**
 * The cloud's side of files: what an operator puts where devices fetch it, block by block, below
 * `moorline/<id>/files/<name>/`.
 *
 * | topic         | direction      | message                                                            |
 * |---------------|----------------|--------------------------------------------------------------------|
 * | `describe`    | to cloud       | `{"token","file"?}`                                                |
 * | `description` | cloud → device | `{"token","size","version"}`                                       |
 * | `get`         | to cloud       | `{"token","file"?,"version"?,"length","offset","count","bitmap"?}` |
 * | `data`        | cloud → device | `{"token","index","bytes"}`, one for each block; always in CBOR    |
 * | `rejected`    | cloud → device | `{"token","code","message"}`                                       |
 *
 * Which blocks a request is answered with is for the simulated AWS to say, which is asked here in its own words: pure.
 */
import type { CloudChannel } from "../channel.js";
import { StreamsService, type StreamsOptions } from "../clouds/aws/streams.js";
import { decode, encode } from "./formats.js";
import type { JsonObject } from "./json.js";
import type { MannersBook } from "./manners.js";
import { isDeviceId } from "./registry.js";
import { Rejection, type RejectionCode } from "./rejection.js";
import { member, readMessage, tokenOf, versionOf } from "./request.js";

export interface FileServiceOptions extends StreamsOptions {
	/** The wall clock in ms since 1970, which versions are made from: they differ from those before a restart, too. */
	wall: () => number;
	/** How devices want to be spoken to. */
	manners: MannersBook;
}

/** One file, which is number 0, or several by their numbers, up to 255. */
export type Files = Uint8Array | Readonly<Record<number, Uint8Array>>;

const VERBS = Object.freeze(["describe", "get"] as const);
type Verb = typeof VERBS[number];

const NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const MESSAGE_MAXIMUM = 32 * 1024;
const TOKEN_MAXIMUM = 64;
const NO_FILE = "there is no such file";
/** The core's refusals in the words of this cloud. */
const REFUSALS: Readonly<Record<string, readonly [code: RejectionCode, message: string]>> = Object.freeze({
	ResourceNotFound: [404, NO_FILE], Unauthorized: [404, NO_FILE], OffsetOutOfBounds: [416, "the file ends before that block"],
	VersionMismatch: [409, "the file is of another version"], ETagMismatch: [409, "the file was replaced"],
	BlockSizeOutOfBounds: [400, "length must be from 256 to 131072"], BlockCountLimitExceeded: [400, "count must be from 0 to 98304"],
	BlockBitmapLimitExceeded: [400, "bitmap is too long"], InternalError: [500, "internal error"],
});

/** What the core answers; its members are those of AWS's streams. */
interface Answer {
	readonly topic: string;
	readonly body: {
		readonly s: number; readonly r: readonly { readonly f: number; readonly z: number }[];
		readonly i: number; readonly p: Uint8Array; readonly o: string;
	};
}

export class FileService {
	readonly #manners: MannersBook;
	readonly #core: StreamsService;
	readonly #wall: () => number;
	/** Of what was put last. */
	#version = 0;
	/** To the request under way. */
	#answers: Answer[] = [];

	constructor({ wall, manners, ...options }: FileServiceOptions) {
		this.#wall = wall;
		this.#manners = manners;
		this.#core = new StreamsService({
			wall, hasThing: isDeviceId, deliver: () => {},
			publish: (topic, payload) => { this.#answers.push({ topic, body: decode("cbor", payload) as Answer["body"] }); },
		}, options);
	}

	/** While true every request is refused with 500. */
	get failing(): boolean { return this.#core.failing; }
	set failing(failing: boolean) { this.#core.failing = failing; }

	/** Serves the devices of one broker. */
	attach(channel: CloudChannel): void {
		for (const verb of VERBS) {
			channel.subscribe(`moorline/+/files/+/${verb}`, (topic, payload, retain) => {
				const [, id, , name] = topic.split("/") as [string, string, string, string];
				if (!retain && isDeviceId(id) && NAME.test(name)) this.#receive(channel, id, name, verb, payload);
			});
		}
	}

	/**
	 * Lets a device fetch files by that name, instead of those that it could before.
	 * @param name 1 to 128 characters of `a-z A-Z 0-9 _ -`
	 * @throws DeviceError `argument`, `too-large` for a file, `full`
	 */
	put(device: string, name: string, files: Files, { isReplaced }: { isReplaced?: boolean } = {}): void {
		const version = Math.max(this.#version + 1, Math.floor(this.#wall()));
		this.#core.put(device, name, { version, description: "", files: files instanceof Uint8Array ? { 0: files } : files, isReplaced });
		this.#version = version;
	}

	/** Forgets the files of that name. */
	remove(device: string, name: string): void { this.#core.remove(device, name); }

	/** A file as it is. @throws Rejection */
	read(device: string, name: string, file: number): { readonly bytes: Uint8Array; readonly version: number } {
		if (this.failing) throw new Rejection(500, "internal error");
		const found = this.#core.read(device, name, file);
		if (found === undefined) throw new Rejection(404, NO_FILE);
		if (found.isReplaced) throw new Rejection(409, "the file was replaced");
		return found;
	}

	#receive(channel: CloudChannel, id: string, name: string, verb: Verb, payload: Uint8Array): void {
		const { format } = this.#manners.of(id), base = `moorline/${id}/files/${name}/`;
		const send = (kind: string, message: object): void => {
			channel.publish(base + kind, encode(kind === "data" ? "cbor" : format, message), { qos: 0 });
		};
		let token: string | undefined;
		try {
			const request = readMessage(payload, MESSAGE_MAXIMUM);
			token = tokenOf(request, TOKEN_MAXIMUM);
			const answers = this.#ask(id, name, verb, verb === "get" ? selectionOf(request) : {});
			if (verb === "get") for (const { i: index, p: bytes } of answers) send("data", { token, index, bytes });
			else send("description", { token, ...describedIn(answers[0]!, fileOf(request)) });
		} catch (error) {
			const rejection = error instanceof Rejection ? error : new Rejection(500, "internal error");
			send("rejected", { token, code: rejection.code, message: rejection.message });
			if (rejection !== error) throw error;
		}
	}

	/** The core answers before it returns. @throws Rejection */
	#ask(id: string, name: string, verb: Verb, body: object): Answer["body"][] {
		const levels = ["$aws", "things", id, "streams", name, verb, "cbor"];
		this.#answers = [];
		this.#core.receive({ topic: levels.join("/"), levels, payload: encode("cbor", body), clientId: id, now: 0 });
		const answers = this.#answers;
		this.#answers = [];
		if (answers[0]?.topic.includes("/rejected/")) {
			const [code, message] = REFUSALS[answers[0].body.o] ?? [400, "a member is missing, or of another type"];
			throw new Rejection(code, message);
		}
		return answers.map(({ body }) => body);
	}
}

function fileOf(request: JsonObject): unknown {
	return member(request, "file") ?? 0;
}

/** @throws Rejection for what is no bitmap or no version */
function selectionOf(request: JsonObject): object {
	const bitmap = member(request, "bitmap");
	if (bitmap !== undefined && (typeof bitmap !== "string" || !/^([0-9a-f]{2})*$/.test(bitmap))) throw new Rejection(400, "bitmap is not hexadecimal");
	return {
		f: fileOf(request), s: versionOf(request), l: member(request, "length"), o: member(request, "offset"), n: member(request, "count"),
		b: bitmap === undefined ? undefined : Uint8Array.from(bitmap.match(/../g) ?? [], pair => Number.parseInt(pair, 16)),
	};
}

/** @throws Rejection when it is none of the files */
function describedIn({ s: version, r: files }: Answer["body"], file: unknown): object {
	const found = files.find(({ f }) => f === file);
	if (found === undefined) throw new Rejection(404, NO_FILE);
	return { size: found.z, version };
}

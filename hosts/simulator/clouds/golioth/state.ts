// SPDX-License-Identifier: Apache-2.0
/**
 * LightDB state: for each device one tree of values, read, written, deleted and observed at any path: `.d/<path>`.
 *
 * Writing puts the value in the place of what was there, and makes the objects that lead to it. It has no versions.
 */
import { DeviceError } from "../../../../src/base/error.js";
import { ContentFormat } from "../../../../src/coap/constants.js";
import type { CoAPReply, CoAPRequest } from "../../coap/request.js";
import { depthOf, emptyObject, isObject, isRepresentable, type JsonObject, type JsonValue } from "../../services/json.js";
import { decodeBody, encodeBody } from "./codec.js";
import { METHOD_NOT_ALLOWED, NOT_FOUND, type GoliothContext, type GoliothService } from "./service.js";

export interface StateOptions {
	/** What a path without a value is answered with: "null", or 4.04. Default: "null". */
	missing?: "null" | "not-found" | undefined;
	/** Bytes of a device's tree as JSON. Default: 65,536. */
	maximum?: number | undefined;
}

const MAXIMUM = 65_536;
const DEPTH_MAXIMUM = 16;

export class GoliothState implements GoliothService {
	readonly segment = ".d";
	/** Runs after a device, or an operator, changed something. */
	onChanged: ((device: string, path: readonly string[], by: "device" | "operator") => void) | undefined;
	readonly #context: GoliothContext;
	readonly #missing: "null" | "not-found";
	readonly #maximum: number;
	readonly #trees = new Map<string, JsonObject>();

	constructor(context: GoliothContext, { missing = "null", maximum = MAXIMUM }: StateOptions = {}) {
		this.#context = context;
		this.#missing = missing;
		this.#maximum = maximum;
	}

	/** @param path segments with slashes between them; "" for all. @returns a copy, `undefined` where there is nothing */
	get(device: string, path = ""): JsonValue | undefined {
		const value = this.#at(device, segmentsOf(path));
		return value === undefined ? undefined : JSON.parse(JSON.stringify(value)) as JsonValue;
	}

	/** @throws DeviceError `argument`, `too-large` */
	set(device: string, path: string, value: JsonValue): void {
		this.#put(device, segmentsOf(path), value);
		this.#changed(device, segmentsOf(path), "operator");
	}

	/** @returns false when there was nothing */
	delete(device: string, path: string): boolean {
		const segments = segmentsOf(path), deleted = this.#remove(device, segments);
		if (deleted) this.#changed(device, segments, "operator");
		return deleted;
	}

	handle(device: string, path: readonly string[], request: CoAPRequest): CoAPReply {
		switch (request.method) {
			case "GET": return this.#read(device, path, request);
			case "POST": case "PUT": return this.#write(device, path, request);
			case "DELETE":
				if (this.#remove(device, path)) this.#changed(device, path, "device");
				return { code: "2.02" };
			default: return METHOD_NOT_ALLOWED;
		}
	}

	#read(device: string, path: readonly string[], { accept = ContentFormat.JSON }: CoAPRequest): CoAPReply {
		if (accept !== ContentFormat.JSON && accept !== ContentFormat.CBOR) return { code: "4.06" };
		const value = this.#at(device, path);
		if (value === undefined && this.#missing === "not-found") return NOT_FOUND;
		return { code: "2.05", payload: encodeBody(accept, plain(value ?? null)), contentFormat: accept, observable: true };
	}

	#write(device: string, path: readonly string[], { contentFormat = ContentFormat.JSON, payload }: CoAPRequest): CoAPReply {
		if (contentFormat !== ContentFormat.JSON && contentFormat !== ContentFormat.CBOR) return { code: "4.15" };
		const value = decodeBody(contentFormat, payload);
		if (!isJson(value)) return { code: "4.00" };
		const isNew = this.#at(device, path) === undefined;
		try {
			this.#put(device, path, value);
		} catch (error) {
			if (error instanceof DeviceError) return { code: error.code === "too-large" ? "4.13" : "4.00" };
			throw error;
		}
		this.#changed(device, path, "device");
		return { code: isNew ? "2.01" : "2.04" };
	}

	#at(device: string, path: readonly string[]): JsonValue | undefined {
		let value: JsonValue | undefined = this.#trees.get(device);
		for (const segment of path) {
			if (!isObject(value) || !Object.hasOwn(value, segment)) return undefined;
			value = value[segment];
		}
		return value;
	}

	#put(device: string, path: readonly string[], value: JsonValue): void {
		if (path.length > DEPTH_MAXIMUM || depthOf(value, DEPTH_MAXIMUM) + path.length > DEPTH_MAXIMUM) throw new DeviceError("argument", "a tree that is too deep");
		const tree = replaced(this.#trees.get(device) ?? emptyObject(), path, plain(value));
		if (!isObject(tree)) throw new DeviceError("argument", "a device's state is an object");
		if (JSON.stringify(tree).length > this.#maximum) throw new DeviceError("too-large", `a tree of more than ${this.#maximum} bytes`);
		this.#trees.set(device, tree);
	}

	#remove(device: string, path: readonly string[]): boolean {
		const name = path.at(-1);
		if (name === undefined) return this.#trees.delete(device);
		const parent = this.#at(device, path.slice(0, -1));
		if (!isObject(parent) || !Object.hasOwn(parent, name)) return false;
		delete parent[name];
		return true;
	}

	#changed(device: string, path: readonly string[], by: "device" | "operator"): void {
		this.#context.notify(device, [this.segment, ...path]);
		this.onChanged?.(device, path, by);
	}
}

function segmentsOf(path: string): string[] {
	return path.split("/").filter(segment => segment !== "");
}

function isJson(value: unknown): value is JsonValue {
	if (value instanceof Uint8Array || !isRepresentable(value)) return false;
	return typeof value !== "object" || value === null || Object.values(value).every(isJson);
}

/** Objects without prototype: a member `__proto__` is one like any other. */
function plain(value: JsonValue): JsonValue {
	if (Array.isArray(value)) return value.map(plain);
	if (!isObject(value)) return value;
	const copy = emptyObject();
	for (const name of Object.keys(value)) copy[name] = plain(value[name]!);
	return copy;
}

/** `tree` with another value at `path`, and the objects that lead there. */
function replaced(tree: JsonValue | undefined, path: readonly string[], value: JsonValue): JsonValue {
	const [name, ...rest] = path;
	if (name === undefined) return value;
	const copy = emptyObject();
	if (isObject(tree)) Object.assign(copy, tree);
	copy[name] = replaced(copy[name], rest, value);
	return copy;
}

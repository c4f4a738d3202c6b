// SPDX-License-Identifier: Apache-2.0
/**
 * What a device offers to whoever asks: paths and who answers for them, on every connection that it has.
 *
 * Spec: RFC 7252 §5.10.1, RFC 6690.
 */
import { DeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import type { TextCodec } from "../host.js";
import { Answering, type Site } from "./answering.js";
import { BLOCK_MAXIMUM, BLOCK_MINIMUM } from "./block.js";
import { Discovery } from "./discovery.js";
import { DISCOVERY_PATH } from "./link-format.js";
import type { Answerer } from "./messenger.js";
import type { Resource } from "./resource.js";

export interface ResourcesOptions {
	readonly codec: TextCodec;
	/** Bytes of the largest body that is taken. Default: 4,096. */
	readonly bodyMaximum?: number | undefined;
	/** Bytes of a block, a power of two from 16 to 1,024. Default: 1,024. */
	readonly blockLength?: number | undefined;
	/** What the deadlines of those who answer said is not true any more: there is something to do at once. */
	onWake?(): void;
}

export const ROUTE_MAXIMUM = 32;
const BODY_MAXIMUM = 4_096;
const BODY_LIMIT = 0x10_0000;

export class Resources implements Site {
	readonly codec: TextCodec;
	readonly bodyMaximum: number;
	readonly blockLength: number;
	readonly #options: ResourcesOptions;
	readonly #routes = new Map<string, Resource>();
	readonly #discovery: Discovery;
	/** Of the connections that stand. */
	readonly #answering: Answering[] = [];

	/** @throws DeviceError `argument` */
	constructor(options: ResourcesOptions) {
		const { codec, bodyMaximum = BODY_MAXIMUM, blockLength = BLOCK_MAXIMUM } = options;
		this.codec = codec;
		this.bodyMaximum = inRange("bodyMaximum", bodyMaximum, 1, BODY_LIMIT);
		this.blockLength = inRange("blockLength", blockLength, BLOCK_MINIMUM, BLOCK_MAXIMUM);
		this.#options = options;
		this.#discovery = new Discovery(codec, this.#routes);
	}

	/**
	 * @param path segments with slashes between them, none at its ends
	 * @throws DeviceError `full`; `state` for one that is there
	 */
	add(path: string, resource: Resource): void {
		if (this.resource(path) !== undefined) throw new DeviceError("state", `there is a resource ${path} already`);
		if (this.#routes.size === ROUTE_MAXIMUM) throw new DeviceError("full", `more than ${ROUTE_MAXIMUM} resources`);
		this.#routes.set(path, resource);
	}

	/** Who observes it is told that it is there no more. */
	remove(path: string): void {
		if (this.#routes.delete(path)) this.notify(path);
	}

	/** It has changed: its handler is asked for what it is now, and whoever observes it is told. */
	notify(path: string): void {
		for (const answering of this.#answering) answering.notify(path);
	}

	/** Answers on one connection after another: for a client, or for one peer of a server. */
	answerer(): Answerer {
		return new Answering(this);
	}

	/** For `Answering`, as all that follows. */
	resource(path: string): Resource | undefined {
		return path === DISCOVERY_PATH ? this.#discovery : this.#routes.get(path);
	}

	join(answering: Answering): void {
		this.#answering.push(answering);
	}

	leave(answering: Answering): void {
		const index = this.#answering.indexOf(answering);
		if (index >= 0) this.#answering.splice(index, 1);
	}

	wake(): void {
		this.#options.onWake?.();
	}
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Remote procedure calls: `.rpc` tells an observer of one call at a time, `.rpc/status` takes what came of it.
 *
 * A call is over with its answer, or when that does not come in time; the next one follows. Who registers anew while a
 * call is under way is told of it again.
 */
import { ContentFormat } from "../../../../src/coap/constants.js";
import type { CoAPReply, CoAPRequest } from "../../coap/request.js";
import { decodeMap } from "./codec.js";
import { cborReply, CHANGED, METHOD_NOT_ALLOWED, NOT_FOUND, okReply, type GoliothContext, type GoliothService } from "./service.js";

/** gRPC's numbers, of which some have to be known here. */
export const RpcStatus = Object.freeze({ OK: 0, DEADLINE_EXCEEDED: 4, NOT_FOUND: 5 });

export interface RpcCall {
	readonly id: string;
	readonly device: string;
	readonly method: string;
	readonly params: readonly unknown[] | unknown;
	/** Absent until it is over. */
	readonly statusCode: number | undefined;
	readonly detail: unknown;
}

type Pending = { -readonly [Member in keyof RpcCall]: RpcCall[Member] } & {
	readonly deadline: number;
	readonly onDone: ((call: RpcCall) => void) | undefined;
};

export interface CallOptions {
	/** ms. Default: 10,000. */
	timeout?: number | undefined;
	onDone?: ((call: RpcCall) => void) | undefined;
}

const TIMEOUT = 10_000;
/** Calls of one device that wait. */
const QUEUE_MAXIMUM = 64;

export class GoliothRpc implements GoliothService {
	readonly segment = ".rpc";
	/** Answers that nobody waited for: to calls that are over, or never were. */
	strays = 0;
	readonly #context: GoliothContext;
	/** By device; the first is under way. */
	readonly #queues = new Map<string, Pending[]>();
	/** Registrations that were answered: what asks again is a notification. */
	readonly #known = new WeakSet<CoAPRequest>();
	readonly #watchers = new Set<() => void>();
	#count = 0;

	constructor(context: GoliothContext) {
		this.#context = context;
	}

	/** Monotonic ms at which `expire` has something to do, or `Infinity`. */
	get deadline(): number {
		let deadline = Infinity;
		for (const queue of this.#queues.values()) for (const call of queue) deadline = Math.min(deadline, call.deadline);
		return deadline;
	}

	/** Tells when the deadline has become earlier. @returns ends it */
	watch(onEarlier: () => void): () => void {
		this.#watchers.add(onEarlier);
		return () => { this.#watchers.delete(onEarlier); };
	}

	/** @throws RangeError when too many wait */
	call(device: string, method: string, params: unknown = [], { timeout = TIMEOUT, onDone }: CallOptions = {}): RpcCall {
		const queue = this.#queues.get(device) ?? [];
		if (queue.length === QUEUE_MAXIMUM) throw new RangeError(`${QUEUE_MAXIMUM} calls of ${device} wait already`);
		this.#queues.set(device, queue);
		const deadline = this.#context.now() + timeout;
		// Like no other ever, as devices remember them.
		this.#count = Math.max(this.#count + 1, Math.floor(this.#context.wall()));
		const call: Pending = { id: `rpc-${this.#count.toString(36)}`, device, method, params, statusCode: undefined, detail: undefined, deadline, onDone };
		queue.push(call);
		if (queue.length === 1) this.#context.notify(device, [this.segment]);
		for (const onEarlier of this.#watchers) onEarlier();
		return call;
	}

	expire(now: number): void {
		for (const [device, queue] of this.#queues) {
			for (const call of queue.filter(({ deadline }) => deadline <= now)) this.#end(device, call, RpcStatus.DEADLINE_EXCEEDED, undefined);
		}
	}

	handle(device: string, path: readonly string[], request: CoAPRequest): CoAPReply {
		const [name] = path;
		if (name === "status" && path.length === 1) return request.method === "POST" ? this.#answer(device, request) : METHOD_NOT_ALLOWED;
		if (name !== undefined) return NOT_FOUND;
		if (request.method !== "GET") return METHOD_NOT_ALLOWED;
		const call = this.#queues.get(device)?.[0];
		if (call === undefined || !this.#known.has(request)) return okReply();
		const { id, method, params } = call;
		return cborReply(this.#context, { id, method, params });
	}

	observed(device: string, request: CoAPRequest): void {
		if (this.#known.has(request)) return;
		this.#known.add(request);
		if ((this.#queues.get(device)?.length ?? 0) > 0) this.#context.notify(device, [this.segment]);
	}

	#answer(device: string, { contentFormat = ContentFormat.CBOR, payload }: CoAPRequest): CoAPReply {
		if (contentFormat !== ContentFormat.CBOR) return { code: "4.15" };
		const { id, statusCode, detail } = decodeMap(payload);
		if (typeof id !== "string" || !Number.isInteger(statusCode)) return { code: "4.00" };
		const call = this.#queues.get(device)?.find(each => each.id === id);
		if (call === undefined) this.strays++;
		else this.#end(device, call, statusCode as number, detail);
		return CHANGED;
	}

	#end(device: string, call: Pending, statusCode: number, detail: unknown): void {
		const queue = this.#queues.get(device)!;
		const wasFirst = queue[0] === call;
		queue.splice(queue.indexOf(call), 1);
		call.statusCode = statusCode;
		call.detail = detail;
		if (wasFirst && queue.length > 0) this.#context.notify(device, [this.segment]);
		call.onDone?.(call);
	}
}

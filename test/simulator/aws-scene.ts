// SPDX-License-Identifier: Apache-2.0
/** The simulated AWS without a network, on a clock that a test sets. */
import type { IConnectPacket } from "mqtt-packet";
import type { Origin } from "../../hosts/simulator/broker/client.js";
import type { AwsBackendOptions } from "../../hosts/simulator/clouds/aws/backend.js";
import { AwsBackend } from "../../hosts/simulator/clouds/aws/backend.js";
import { ScriptedClient } from "./scripted.js";

/** Wall clock at monotonic 0: ms since 1970, and the same in seconds. */
export const EPOCH = 1_700_000_000_000;
export const SECONDS = EPOCH / 1000;

export const THING = "lamp";

export interface Reply { topic: string; body: Record<string, unknown> }

export class AwsScene {
	/** Monotonic ms. */
	now = 0;
	readonly aws: AwsBackend;

	constructor(options: Partial<AwsBackendOptions> = {}) {
		this.aws = new AwsBackend({
			wall: () => EPOCH + this.now, now: () => this.now, newToken: () => "token",
			issuer: { create: (_done, fail) => { fail(undefined); }, sign: (_csr, _done, fail) => { fail(undefined); }, activate() {} }, ...options,
		});
		this.aws.registry.register(THING, "fingerprint");
	}

	/** Time passes; whatever is due happens. */
	wait(milliseconds: number): this {
		const until = this.now + milliseconds;
		for (let due = this.aws.broker.deadline; due <= until; due = this.aws.broker.deadline) {
			this.now = Math.max(due, this.now);
			this.aws.broker.expire(this.now);
		}
		this.now = until;
		this.aws.broker.expire(until);
		return this;
	}

	/** A client whose CONNECT is not sent yet. */
	dial({ fingerprint, origin }: { fingerprint?: string | undefined; origin?: Origin | undefined } = {}): AwsClient {
		return new AwsClient(this, fingerprint, origin);
	}

	/** A thing that is connected, by 3.1.1 unless said otherwise, and has seen its CONNACK. */
	thing(version: 4 | 5 = 4, options: Partial<IConnectPacket> = {}): AwsClient {
		const client = this.dial({ fingerprint: "fingerprint" });
		if (version === 5) client.speak5();
		client.connect(THING, { protocolVersion: version, ...options }, this.now);
		client.takeOne("connack");
		return client;
	}
}

export class AwsClient extends ScriptedClient {
	readonly #scene: AwsScene;

	constructor(scene: AwsScene, fingerprint: string | undefined, origin: Origin = {}) {
		super(scene.aws.broker, scene.now, fingerprint === undefined ? undefined : { name: "CN", fingerprint }, origin);
		this.#scene = scene;
	}

	/** Subscribes, and forgets the answer. */
	listen(...filters: readonly string[]): this {
		for (const [index, filter] of filters.entries()) this.subscribe(filter, 1, index + 1, {}, {}, this.#scene.now);
		this.take();
		return this;
	}

	/** Publishes at QoS 0, text as it is and all else as JSON. */
	say(topic: string, body: unknown): this {
		return this.publish(topic, typeof body === "string" ? body : JSON.stringify(body), {}, this.#scene.now);
	}

	/** What was published to it since the last call, each acknowledged. */
	heard(): Reply[] {
		return this.takePublished().map(({ topic, payload, qos, messageId }) => {
			if (qos === 1) this.send({ cmd: "puback", messageId: messageId! }, this.#scene.now);
			return { topic, body: JSON.parse(String(payload)) as Record<string, unknown> };
		});
	}
}

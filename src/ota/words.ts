// SPDX-License-Identifier: Apache-2.0
/**
 * What the cloud is told of an update, as details of its job. AWS IoT OTA has members of its own for it, which its jobs
 * get besides.
 */
import type { JobDetails } from "../operations/jobs.js";
import type { FailureReason } from "./failure.js";
import type { WaitReason } from "./policy.js";
import { BLOCK_LENGTH } from "./source.js";

export class Words {
	/** The version that runs. */
	readonly #version: string;

	constructor(version: string) {
		this.#version = version;
	}

	waiting(reason: WaitReason): JobDetails {
		return this.say("waiting", { for: reason });
	}

	/** @param received of `total` bytes */
	receiving(isClassic: boolean, received: number, total: number): JobDetails {
		return this.say("receiving", isClassic
			? { receive: `${blocksOf(received)}/${blocksOf(total)}` } : { received: `${received}/${total}` });
	}

	/** It is about to be tried, or is tried now. */
	trial(isClassic: boolean, isNow: boolean): JobDetails {
		return this.say("trial", isClassic ? { self_test: isNow ? "active" : "ready" } : {});
	}

	/** @param from the version that ran before */
	done(isClassic: boolean, from: string): JobDetails {
		const version = this.#version;
		return this.say("done", isClassic ? { reason: `accepted v${version}`, updatedBy: `v${from}` } : {});
	}

	failed(reason: FailureReason): JobDetails {
		return this.say("failed", { reason });
	}

	private say(update: string, more: JobDetails): JobDetails {
		return { update, version: this.#version, ...more };
	}
}

function blocksOf(bytes: number): number {
	return Math.ceil(bytes / BLOCK_LENGTH);
}

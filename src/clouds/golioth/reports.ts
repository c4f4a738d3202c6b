// SPDX-License-Identifier: Apache-2.0
/** What Golioth is told of an update: a state and a reason, made of what a job says. */
import type { CBORObject } from "../../cbor/value.js";
import type { Job, JobUpdate } from "../../operations/jobs.js";
import type { FailureReason } from "../../ota/failure.js";

export const State = Object.freeze({ IDLE: 0, DOWNLOADING: 1, DOWNLOADED: 2, UPDATING: 3 });

export const Reason = Object.freeze({
	READY: 0, UPDATED: 1, FLASH: 2, MEMORY: 3, CONNECTION: 4, INTEGRITY: 5, PACKAGE: 6, URI: 7, FAILED: 8, RETRY: 11,
});
const IO = 10;

/** What is not here has failed, and that is all that can be said. */
const REASONS: Readonly<Partial<Record<FailureReason, number>>> = Object.freeze({
	"too-large": Reason.FLASH, "patch-bomb": Reason.FLASH,
	unreachable: Reason.CONNECTION, truncated: Reason.CONNECTION,
	signature: Reason.INTEGRITY, digest: Reason.INTEGRITY, "block-digest": Reason.INTEGRITY, trailing: Reason.INTEGRITY,
	malformed: Reason.INTEGRITY, changed: Reason.INTEGRITY,
	product: Reason.PACKAGE, hardware: Reason.PACKAGE, component: Reason.PACKAGE,
	"not-found": Reason.URI, forbidden: Reason.URI,
	storage: IO,
});

export interface Progress {
	readonly state: number;
	readonly reason: number;
}

export const IDLE: Progress = Object.freeze({ state: State.IDLE, reason: Reason.READY });

/** What an update of a job is in Golioth's words. */
export function progressOf({ status, details }: JobUpdate): Progress {
	switch (status) {
		case "SUCCEEDED": return { state: State.IDLE, reason: Reason.UPDATED };
		case "IN_PROGRESS": return inProgress(details?.["update"]);
		default: return { state: State.IDLE, reason: codeOf(details?.["reason"] ?? "") };
	}
}

function codeOf(reason: string): number {
	return Object.hasOwn(REASONS, reason) ? REASONS[reason as FailureReason]! : Reason.FAILED;
}

/** @param stage as `Words` has it, or whatever a program of its own says */
function inProgress(stage: string | undefined): Progress {
	switch (stage) {
		case "waiting": return { state: State.IDLE, reason: Reason.RETRY };
		case "trial": return { state: State.UPDATING, reason: Reason.READY };
		default: return { state: State.DOWNLOADING, reason: Reason.READY };
	}
}

export function isOver({ status }: Pick<JobUpdate | Job, "status">): boolean {
	return status !== "QUEUED" && status !== "IN_PROGRESS";
}

/** @param version that runs; `target`: the one that it is about */
export function reportOf(name: string, { state, reason }: Progress, version: string, target?: string): CBORObject {
	const report: CBORObject = { s: state, r: reason, pkg: name, v: version };
	if (target !== undefined) report["t"] = target;
	return report;
}

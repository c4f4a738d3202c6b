// SPDX-License-Identifier: Apache-2.0
/** Where our device and the vendor's SDK say different things on purpose, each with its reason. */
import type { Difference } from "./transcript.js";

type Request = readonly [phase: string, of: Difference["of"], request: RegExp, answer: RegExp, reason: string];

/** Requests with their answers. */
function requests(...all: readonly Request[]): Difference[] {
	return all.flatMap(([phase, of, request, answer, reason]) => [request, answer].map(line => ({ phase, of, line, count: 1, reason })));
}

/** Of a shadow's script, classic or named. */
export const SHADOW: readonly Difference[] = requests(
	["stale", "sdk", /^> \S+\/update .*"version":1\b/, /^< \S+\/update\/rejected .*"code":409/,
		"our device writes a version only where it writes desired members, and never an old one on purpose"],
	["deleted", "sdk", /^> \S+\/delete /, /^< \S+\/delete\/accepted /, "deleting a shadow is an application's business"],
	["deleted", "sdk", /^> \S+\/get /, /^< \S+\/get\/rejected .*"code":404/, "it looks whether its deletion was done"],
);

/** Of a shadow's script on MQTT 3.1.1. */
export const QUEUED: readonly Difference[] = [{
	phase: "away", of: "moorline", line: /^< \S+\/update\/delta .*"version":7/, count: 1,
	reason: "on 3.1.1 our device's session is kept while it is away, for the sake of commands; the SDK's begins anew",
}];

const OWN_SHADOW = "a device has its own shadow always, whatever its program uses besides";

function ownShadow(phase: string): Request {
	return [phase, "moorline", /^> \$aws\/things\/[^/]+\/shadow\/get /, /^< \$aws\/things\/[^/]+\/shadow\/get\/rejected .*"code":404/, OWN_SHADOW];
}

export const NAMED_SHADOW: readonly Difference[] = [...SHADOW, ...requests(ownShadow("first report"), ownShadow("away"))];

export const JOBS: readonly Difference[] = requests(
	ownShadow("nothing to do"),
	["nothing to do", "sdk", /^> \S+\/jobs\/get /, /^< \S+\/jobs\/get\/accepted /, "our device does one job after the other and needs no list of them"],
	["progress", "sdk", /^> \S+\/blink\/get /, /^< \S+\/blink\/get\/accepted /, "our device knows what it has said"],
	["progress", "sdk", /^> \S+\/blink\/update .*"expectedVersion":2,"status":"SUCCEEDED"/, /^< \S+\/blink\/update\/rejected .*"VersionMismatch"/,
		"our device is told no wrong version"],
	["canceled", "sdk", /^> \S+\/beep\/update /, /^< \S+\/beep\/update\/rejected .*"InvalidStateTransition"/,
		"our device has heard that the job is no more, and says no more of it"],
	["canceled", "moorline", /^> \S+\/start-next /, /^< \S+\/start-next\/accepted /,
		"what a notification says is a hint for our device, and it asks: notifications may be late, repeated and out of order"],
);

export const PROVISIONING: readonly Difference[] = requests(
	["provisioned", "sdk", /^> \S+\/provision\/json /, /^< \S+\/provision\/json\/rejected .*"InvalidCertificateOwnershipToken"/,
		"our device comes with the token that it got"],
);

// SPDX-License-Identifier: Apache-2.0
/**
 * Policies as AWS IoT has them: statements that allow or deny actions on resources, with wildcards and variables.
 *
 * Pure. What no statement allows is denied, and a denial wins. Region and account of a resource are not looked at; nor are
 * conditions: a statement with one is as good as one without when it denies, and none when it allows.
 */
import { DeviceError } from "../../../../src/base/error.js";
import type { AwsAction, AwsPermit, AwsPrincipal } from "./policy.js";

export interface AwsStatement {
	readonly Effect: "Allow" | "Deny";
	readonly Action: string | readonly string[];
	readonly Resource: string | readonly string[];
	readonly Condition?: unknown;
}

export interface AwsPolicyDocument {
	readonly Version?: string;
	readonly Statement: AwsStatement | readonly AwsStatement[];
}

const ACTIONS: Readonly<Record<AwsAction, readonly [action: string, resource: string]>> = Object.freeze({
	connect: ["iot:Connect", "client/"], publish: ["iot:Publish", "topic/"], subscribe: ["iot:Subscribe", "topicfilter/"], retain: ["iot:RetainPublish", "topic/"],
});
/** `arn:aws:iot:region:account:` */
const ARN_PARTS = 5;

/** What documents permit, for the option `permit` and for custom authorizers. @throws DeviceError `argument` for what is no policy */
export function policyOf(...documents: readonly AwsPolicyDocument[]): AwsPermit {
	const statements = documents.flatMap(document => document?.Statement);
	if (!statements.every(isStatement)) throw new DeviceError("argument", "not a policy: expected statements with Effect, Action and Resource");
	return (principal, action, resource) => {
		const [name, prefix] = ACTIONS[action];
		const meant = statements.filter(statement => concerns(statement, name, `${prefix}${resource}`, principal));
		return !meant.some(({ Effect }) => Effect === "Deny") && meant.some(({ Effect, Condition }) => Effect === "Allow" && Condition === undefined);
	};
}

function isStatement(value: unknown): value is AwsStatement {
	if (typeof value !== "object" || value === null) return false;
	const { Effect, Action, Resource } = value as Record<string, unknown>;
	return (Effect === "Allow" || Effect === "Deny") && [Action, Resource].flat().every(text => typeof text === "string");
}

function concerns({ Action, Resource }: AwsStatement, action: string, resource: string, principal: AwsPrincipal): boolean {
	return [Action].flat().some(pattern => fits(pattern, action)) && [Resource].flat().some(pattern => fits(resourceOf(pattern, principal), resource));
}

/** Without what stands before the kind of resource, and with the variables' values. */
function resourceOf(pattern: string, { thing, clientId }: AwsPrincipal): string {
	const resource = pattern.startsWith("arn:") ? pattern.split(":").slice(ARN_PARTS).join(":") : pattern;
	// A variable without a value fits nothing: no topic holds this character.
	return resource.replaceAll("${iot:ClientId}", clientId).replaceAll("${iot:Connection.Thing.ThingName}", thing ?? "\u0000");
}

/** `*` stands for any characters, `?` for one. MQTT's own wildcards stand for themselves. */
function fits(pattern: string, text: string): boolean {
	let star = -1;
	let resumed = 0;
	let at = 0;
	for (let index = 0; index < text.length;) {
		if (pattern[at] === "*") {
			star = at++;
			resumed = index;
		} else if (pattern[at] === "?" || pattern[at] === text[index]) {
			at++;
			index++;
		} else if (star >= 0) {
			at = star + 1;
			index = ++resumed;
		} else {
			return false;
		}
	}
	while (pattern[at] === "*") at++;
	return at === pattern.length;
}

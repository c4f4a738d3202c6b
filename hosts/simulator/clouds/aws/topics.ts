// SPDX-License-Identifier: Apache-2.0
/** What AWS IoT says of the form of topics and filters, and which of the reserved ones there are. Pure. */
import type { AwsLimits } from "./limits.js";

const RULES = "$aws/rules/";
/** Below `$aws/`, what may be subscribed to; a level of a filter may stand for any of them. */
const FAMILIES: readonly string[] = Object.freeze(["things", "commands", "certificates", "provisioning-templates", "events"]);
/** In `$aws/commands/things/<thing>/executions/<id>/request/<format>`. */
const COMMAND_FORMAT = 7;
const THING_FAMILIES: readonly string[] = Object.freeze(["shadow", "jobs", "streams", "defender", "tunnels"]);

/** False for a topic or filter that is too long, or has too many levels. */
export function isWithin(topic: string, { topicBytesMaximum, topicSlashesMaximum }: AwsLimits): boolean {
	// Of Basic Ingest, the levels up to the rule's name do not count.
	const counted = topic.startsWith(RULES) ? topic.slice(RULES.length).split("/").slice(1).join("/") : topic;
	if (new TextEncoder().encode(counted).byteLength > topicBytesMaximum) return false;
	// AWS's own topics have as many levels as they need.
	return counted.startsWith("$aws/") || counted.split("/").length - 1 <= topicSlashesMaximum;
}

/** False for a filter of reserved topics that there are not, or that only take publications. */
export function isSupportedFilter(filter: string): boolean {
	if (!filter.startsWith("$")) return true;
	const levels = filter.split("/");
	const [aws, family = "", , thingFamily] = levels;
	if (aws !== "$aws" || !isOneOf(FAMILIES, family)) return false;
	// A command's format is one or the other: a wildcard there is said to end connections.
	if (family === "commands" && levels[COMMAND_FORMAT] === "+") return false;
	return family !== "things" || thingFamily === undefined || isOneOf(THING_FAMILIES, thingFamily);
}

/** False for a reserved topic that no service can have; which of the others are taken is for the services to say. */
export function isSupportedTopic(topic: string): boolean {
	return !topic.startsWith("$") || topic.startsWith("$aws/");
}

function isOneOf(names: readonly string[], level: string): boolean {
	return level === "+" || level === "#" || names.includes(level);
}

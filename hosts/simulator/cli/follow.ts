// SPDX-License-Identifier: Apache-2.0
/** What a cloud notices, while it notices: who comes and goes, and whose shadow changed. */
import type { Registry } from "../services/registry.js";
import type { ShadowService } from "../services/shadow.js";

export type Say = (event: string, fields: object, text: string) => void;

export function follow(cloud: { registry: Registry; shadows: ShadowService }, say: Say): void {
	cloud.registry.onChanged = ({ id, online }) => {
		const event = online ? "online" : "offline";
		say(event, { device: id }, `${id} is ${event}`);
	};
	cloud.shadows.onChanged = (id, { version, desired, reported }, changed) => {
		const section = changed === "desired" ? desired : reported;
		const text = `${id} ${changed} version ${version}: ${JSON.stringify(section)}`;
		say("shadow", { device: id, changed, version, desired, reported }, text);
	};
}

// SPDX-License-Identifier: Apache-2.0
/** The module `moorline/host` of an application that includes our manifest by hand. */
export { default } from "moorline/dist/hosts/moddable/index";

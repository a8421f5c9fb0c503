/** Whose work waits, and how urgent it is. */

import { meter, showGauge } from "./bar.js";
import { h, keyed, section, table, text } from "./dom.js";
import { counted, figure, percent } from "./words.js";

/** @typedef {import("./types.js").Farm} Farm */

const PRIORITIES = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0];

export function openQueue() {
  const tenants = table("Work by tenant", [
    { title: "Tenant" }, { title: "Jobs", class: "number" }, { title: "Tasks running", class: "number" },
    { title: "Tasks waiting", class: "number wide" }, { title: "Weight", class: "number wide" }, { title: "Share of slots" },
  ]);
  const nobody = h("p", { class: "quiet" }, "No tenant has a job under way.");
  const priorities = table("Jobs by priority", [{ title: "Priority" }, { title: "Jobs" }]);
  const idle = h("p", { class: "quiet" }, "No job is under way.");

  return {
    elements: [section("By tenant", nobody, tenants.element), section("By priority", idle, priorities.element)],
    /** @param {Farm} farm */
    show(farm) {
      nobody.hidden = farm.tenants.length > 0;
      tenants.element.hidden = farm.tenants.length === 0;
      keyed(tenants.body, farm.tenants, ({ tenant }) => tenant, ({ tenant }) =>
        h(
          "tr", {},
          h("th", { scope: "row", class: "name" }, h("a", { href: `#/jobs?${new URLSearchParams({ tenant })}`, title: tenant }, tenant)),
          h("td", { class: "number" }), h("td", { class: "number" }), h("td", { class: "number wide" }),
          h("td", { class: "number wide" }),
          h("td", { class: "stretch" }, meter(`Share of the slots, ${tenant}`)),
        ), (row, tenant) => {
        const cells = row.children;
        [tenant.jobs, tenant.running, tenant.queued, tenant.weight].forEach((value, index) => text(cells[index + 1], figure(value)));
        const share = /** @type {Element} */ (cells[5].firstElementChild);
        showGauge(share, Math.round(100 * (tenant.share ?? 0)), 100, percent(tenant.share));
      });

      const used = PRIORITIES.filter((priority) => farm.priorities[priority] > 0);
      const most = Math.max(1, ...used.map((priority) => farm.priorities[priority]));
      idle.hidden = used.length > 0;
      priorities.element.hidden = used.length === 0;
      keyed(priorities.body, used, String, (priority) =>
        h(
          "tr", {},
          h("th", { scope: "row" }, String(priority)),
          h("td", { class: "stretch" }, meter(`Jobs of priority ${priority}`)),
        ), (row, priority) => {
        const count = farm.priorities[priority];
        showGauge(/** @type {Element} */ (row.children[1].firstElementChild), count, most, figure(count), counted(count, "job"));
      });
    },
  };
}

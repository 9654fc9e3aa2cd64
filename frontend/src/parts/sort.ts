/**
 * `<table data-sortable="name of the list">`: the heads become buttons that sort the rows; the order is remembered in
 * this tab. A cell sorts by its `data-value` where it has one, else by its text, numbers as numbers.
 */
import { h, sprite } from "../dom";

type Order = "ascending" | "descending";

export function sortableTables(): void {
  for (const table of document.querySelectorAll<HTMLTableElement>("table[data-sortable]")) new Sortable(table);
}

class Sortable {
  private readonly heads: readonly HTMLTableCellElement[];
  private readonly key: string;
  private readonly compare = new Intl.Collator(document.documentElement.lang || "en", { numeric: true }).compare;

  constructor(private readonly table: HTMLTableElement) {
    this.heads = [...(table.tHead?.rows[0]?.cells ?? [])];
    this.key = `vsaas-sort/${location.pathname}/${table.dataset["sortable"] ?? ""}`;
    this.heads.forEach((head, column) => {
      if (head.dataset["sort"] === "none") return;
      const button = h("button", { type: "button", class: "sort" }, ...head.childNodes, sprite("sort", "icon icon-s"));
      button.addEventListener("click", () => {
        this.sort(column, head.ariaSort === "ascending" ? "descending" : "ascending");
        sessionStorage.setItem(this.key, `${column} ${head.ariaSort}`);
      });
      head.replaceChildren(button);
    });
    const [column, order] = (sessionStorage.getItem(this.key) ?? "").split(" ");
    if (column && this.heads[Number(column)]) this.sort(Number(column), order === "descending" ? order : "ascending");
  }

  private sort(column: number, order: Order): void {
    const sign = order === "ascending" ? 1 : -1;
    const value = (row: HTMLTableRowElement): string => {
      const cell = row.cells[column];
      return cell?.dataset["value"] ?? cell?.textContent?.trim() ?? "";
    };
    for (const body of this.table.tBodies) {
      body.append(...[...body.rows].sort((a, b) => sign * this.compare(value(a), value(b))));
    }
    this.heads.forEach((head, index) => {
      if (index === column) head.ariaSort = order;
      else head.removeAttribute("aria-sort");
      const use = head.querySelector("use");
      use?.setAttribute("href", index !== column ? "#i-sort" : order === "ascending" ? "#i-up" : "#i-down");
    });
  }
}

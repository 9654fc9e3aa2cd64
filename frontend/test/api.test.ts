// The client of the API: lists come whole, whatever the number of pages.
import { afterEach, expect, it, vi } from "vitest";
import { Api, ApiError } from "../src/api/client";

const page = (items: string[], next: string | null): Response =>
  Response.json({ items: items.map((id) => ({ id })), next });

afterEach(() => vi.unstubAllGlobals());

it("follows the pages of a list to its end, in order", async () => {
  const asked: string[] = [];
  const pages = [page(["a", "b"], "c+/1"), page(["c"], "c2"), page([], null)];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    return pages.shift();
  });
  const cameras = await new Api({ tenant: "acme" }).cameras();
  expect(cameras.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  expect(asked).toEqual([
    "/api/v1/cameras?limit=500",
    "/api/v1/cameras?limit=500&cursor=c%2B%2F1",
    "/api/v1/cameras?limit=500&cursor=c2",
  ]);
});

it("gives a refusal in the portal's own words", async () => {
  const refusal = { type: "urn:vsaas:problem:too-fast", title: "Too many requests", detail: "try again in 3 s" };
  vi.stubGlobal("fetch", async () =>
    Response.json(refusal, { status: 429, headers: { "Content-Type": "application/problem+json" } }),
  );
  const asking = new Api({ tenant: "acme" }).cameras();
  await expect(asking).rejects.toThrow(ApiError);
  await expect(asking).rejects.toMatchObject({ status: 429, code: "too-fast", message: "try again in 3 s" });
});

/** Typed events without the DOM. */
export class Emitter<Events extends object> {
  private readonly listeners = new Map<keyof Events, Set<(value: never) => void>>();

  /** Returns a function that ends the listening. */
  on<N extends keyof Events>(name: N, listener: (value: Events[N]) => void): () => void {
    const set = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, set);
    set.add(listener as (value: never) => void);
    return () => set.delete(listener as (value: never) => void);
  }

  protected emit<N extends keyof Events>(name: N, value: Events[N]): void {
    for (const listener of this.listeners.get(name) ?? []) (listener as (value: Events[N]) => void)(value);
  }
}

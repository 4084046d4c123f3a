// Types of the gateway's tag. The guide is docs/tag.md.

/** What happened. `id` is the order's number for a purchase; for the others it is drawn, unless it is given. */
export interface ConsentGatewayEvent {
  id?: string | number;
  /** In the currency's major units; text keeps its cents. */
  value?: string | number;
  /** ISO 4217. */
  currency?: string;
  /** Hashed by the gateway before anything is stored. Not kept in the browser. */
  email?: string;
  content_ids?: (string | number)[];
}

/** What a banner of the page's own says: a consent object as in `POST /v1/events`, a plain answer, or nothing yet. */
export type ConsentGatewayAnswer = boolean | null | undefined | Record<string, unknown>;

export interface ConsentGateway {
  /** Tells of an event, and gives its id, for the browser's own pixels to name it alike. */
  (event: "purchase" | "add_to_cart" | "page_view", what?: ConsentGatewayEvent): string;
  /** Names the page's own banner: an answer, or a function that is asked before each event. */
  (command: "consent", answer: ConsentGatewayAnswer | (() => ConsentGatewayAnswer)): void;
  /** Gives what an order of the shop's server cites as `consent.receipt`; undefined before a yes. */
  (command: "receipt"): string | undefined;
}

declare global {
  interface Window {
    gateway: ConsentGateway;
  }
}

/** The chart: a second's last price, windows of a stream, and marks where something happened. */
import {
  AreaSeries,
  createChart,
  createSeriesMarkers,
  type IChartApi,
  type ISeriesApi,
  LineSeries,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { type Happened, MOST, type Point } from "./model.js";

const MARKS: Partial<
  Record<Happened["kind"], { shape: "arrowDown" | "circle" | "square"; color: string }>
> = {
  gap: { shape: "arrowDown", color: "--down" },
  asleep: { shape: "arrowDown", color: "--down" },
  late: { shape: "square", color: "--down" },
  liquidation: { shape: "circle", color: "--mark" },
  post: { shape: "circle", color: "--accent" },
  chain: { shape: "square", color: "--accent" },
};

export class Chart {
  readonly #chart: IChartApi;
  readonly #prices: ISeriesApi<"Area">;
  readonly #windows: ISeriesApi<"Line">;
  readonly #markers: { setMarkers(markers: SeriesMarker<Time>[]): void };
  #drawn = 0;
  #drawnFirst = 0;
  #updates = 0;
  #marked = -1;
  #windowed: Point[] = [];
  #decimals = 2;

  constructor(element: HTMLElement) {
    this.#chart = createChart(element, {
      autoSize: true,
      layout: { attributionLogo: false, fontFamily: "system-ui, sans-serif" },
      rightPriceScale: { borderVisible: false },
      timeScale: {
        timeVisible: true,
        secondsVisible: true,
        rightOffset: 3,
        borderVisible: false,
        // A minute fills the width of a screen, and a few points do not.
        maxBarSpacing: 16,
      },
    });
    this.#prices = this.#chart.addSeries(AreaSeries, { lineWidth: 2 });
    this.#windows = this.#chart.addSeries(LineSeries, {
      lineWidth: 1,
      lineStyle: 2,
      title: "window",
    });
    this.#markers = createSeriesMarkers(this.#prices, []);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.#paint());
    this.#paint();
  }

  /** Draws what is new. */
  draw(points: readonly Point[], happened: readonly Happened[], decimals: number): void {
    if (decimals > this.#decimals) this.#round(decimals);
    const first = points[0]?.time ?? 0;
    // A series only grows: what was dropped from the points is dropped from it now and then.
    const isNew = first < this.#drawnFirst || this.#drawn === 0;
    if (isNew || this.#updates > MOST.points / 4) {
      this.#prices.setData(
        points.map(({ time, value }) => ({ time: time as UTCTimestamp, value })),
      );
      if (isNew) this.#chart.timeScale().fitContent();
      this.#updates = 0;
      this.#drawnFirst = first;
    } else {
      let from = points.length;
      while (from > 0 && (points[from - 1] as Point).time >= this.#drawn) from--;
      for (const { time, value } of points.slice(from)) {
        this.#prices.update({ time: time as UTCTimestamp, value });
        this.#updates++;
      }
    }
    this.#drawn = points.at(-1)?.time ?? 0;
    const newest = happened.at(-1)?.id ?? -1;
    if (newest !== this.#marked) {
      this.#marked = newest;
      this.#markers.setMarkers(
        happened.flatMap(({ kind, at }) => {
          const mark = MARKS[kind];
          if (!mark) return [];
          const time = Math.floor(at / 1000) as UTCTimestamp;
          return [{ time, position: "aboveBar", shape: mark.shape, color: colour(mark.color) }];
        }),
      );
    }
  }

  /** Draws a window of a stream. */
  window(point: Point): void {
    const last = this.#windowed.at(-1);
    if (last && point.time <= last.time) return;
    this.#windowed.push(point);
    if (this.#windowed.length > MOST.points) {
      this.#windowed = this.#windowed.slice(-MOST.points / 2);
      this.#windows.setData(
        this.#windowed.map((one) => ({ ...one, time: one.time as UTCTimestamp })),
      );
    } else {
      this.#windows.update({ time: point.time as UTCTimestamp, value: point.value });
    }
  }

  /** Begins anew, for another market. */
  clear(): void {
    this.#prices.setData([]);
    this.#markers.setMarkers([]);
    this.#drawn = this.#drawnFirst = this.#updates = 0;
    this.#marked = -1;
    this.#round(2);
  }

  /** Begins anew, for another stream. */
  clearWindows(): void {
    this.#windowed = [];
    this.#windows.setData([]);
  }

  /** Shows prices with as many decimals as they have. */
  #round(decimals: number): void {
    this.#decimals = decimals;
    const priceFormat = { type: "price", precision: decimals, minMove: 10 ** -decimals } as const;
    this.#prices.applyOptions({ priceFormat });
    this.#windows.applyOptions({ priceFormat });
  }

  #paint(): void {
    this.#chart.applyOptions({
      layout: { background: { color: colour("--card") }, textColor: colour("--soft") },
      grid: { vertLines: { visible: false }, horzLines: { color: colour("--line") } },
    });
    this.#prices.applyOptions({
      lineColor: colour("--accent"),
      topColor: colour("--shade"),
      bottomColor: "transparent",
    });
    this.#windows.applyOptions({ color: colour("--mark") });
    this.#marked = -1;
  }
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

package dev.atelier.report;

import java.util.List;

/** Which model owns which timesteps, as strips over [0, T). */
record RangePlot(String title, int timesteps, List<Strip> strips) {

  /** The timesteps [low, high) of one model. */
  record Strip(String name, int low, int high) {}

  private static final int WIDTH = 680;
  private static final int LEFT = 190;
  private static final int RIGHT = 30;
  private static final int TOP = 34;
  private static final int ROW = 26;
  private static final int TICKS = 4;

  Svg draw() {
    Svg svg = new Svg(WIDTH, TOP + strips.size() * ROW + 56, title);
    svg.text(12, 20, "start", "", title);
    double bottom = TOP + strips.size() * (double) ROW;
    for (int i = 0; i <= TICKS; i++) {
      int tick = (int) ((long) timesteps * i / TICKS);
      svg.line(at(tick), TOP, at(tick), bottom + 5, "grid");
      svg.text(at(tick), bottom + 20, "middle", "soft", String.valueOf(tick));
    }
    for (int i = 0; i < strips.size(); i++) {
      Strip strip = strips.get(i);
      double top = TOP + i * (double) ROW;
      String name = "%s [%d, %d)".formatted(strip.name, strip.low, strip.high);
      svg.text(LEFT - 10, top + 17, "end", "", Svg.shortened(name, 28));
      svg.rectangle(at(strip.low), top + 4, at(strip.high) - at(strip.low), ROW - 8, Svg.colour(i));
    }
    String label = "timestep t (0: nearly clean, %d: noise)".formatted(timesteps);
    svg.text((LEFT + WIDTH - RIGHT) / 2.0, bottom + 42, "middle", "", label);
    return svg;
  }

  private double at(int timestep) {
    return LEFT + (double) timestep / timesteps * (WIDTH - LEFT - RIGHT);
  }
}

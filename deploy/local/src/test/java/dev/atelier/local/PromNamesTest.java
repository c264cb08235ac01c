package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PromNamesTest {

  @Test
  void shouldFindTheMetricsOfAQueryAndNothingElse() {
    assertThat(
            PromNames.ofQuery(
                """
                histogram_quantile(0.95, sum by (le, task_queue) (rate(a_seconds_bucket{x="b_total"}[5m])))
                  > 3e2 and on (instance) sum(c:d) unless e_bytes offset 5m or vector(0)
                """))
        .containsExactlyInAnyOrder("a_seconds_bucket", "c:d", "e_bytes");
  }

  @Test
  void shouldFindTheMetricsOfAScrape() {
    assertThat(PromNames.ofScrape("# HELP a b\n# TYPE a gauge\na{b=\"c\"} 1.0\nd_total 2\n"))
        .containsExactlyInAnyOrder("a", "d_total");
  }
}

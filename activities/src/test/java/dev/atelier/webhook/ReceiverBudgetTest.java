package dev.atelier.webhook;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ReceiverBudgetTest {

  @Test
  void shouldCountMailsAsThoseOfOneServerWhoeverGetsThem() {
    ReceiverBudget budget = new ReceiverBudget(1);
    boolean[] spent = new boolean[3];
    spent[0] =
        budget.spend(
            "mailto:ada@example.org",
            () -> {
              spent[1] = budget.spend("mailto:bob%@example.org,eve@example.org", () -> {});
              spent[2] = budget.spend("https://example.org/hook", () -> {});
            });
    assertThat(spent).containsExactly(true, false, true);
    assertThat(budget.spend("mailto:bob@example.org", () -> {})).isTrue();
  }
}

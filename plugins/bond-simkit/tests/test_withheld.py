from bond_simkit.withheld import MAX_RANGES, Withheld


def test_withheld_numbers_are_joined_to_ranges():
  withheld = Withheld()
  for number in (1, 2, 3, 7, 8, 20):
    withheld.add("trade", (number, number))
  withheld.add("kline", None)
  assert withheld.report() == {
    "trade": {"frames": 6, "ids": [[1, 3], [7, 8], [20, 20]]},
    "kline": {"frames": 1, "ids": []},
  }


def test_the_number_of_ranges_is_bounded():
  withheld = Withheld()
  for number in range(0, 2 * MAX_RANGES + 20, 2):
    withheld.add("trade", (number, number))
  report = withheld.report()["trade"]
  assert (report["frames"], len(report["ids"])) == (MAX_RANGES + 10, MAX_RANGES)
  assert report["ids"][-1] == [2 * MAX_RANGES - 2, 2 * MAX_RANGES + 18]

from bond_server.testing import ServiceConformance


class TestBroker(ServiceConformance):
  name = "broker"

  def keys(self):
    return {"port": 0}
